import assert from "node:assert/strict";
import { MemoryFiles } from "../../lib/formats/model_files.ts";
import { recommendedSampling, withEndTokens } from "../../lib/models/generation_file.ts";
import { loadLanguageModel, registerModelFamily } from "../../lib/models/registry.ts";
import { deviceTest } from "../device.ts";
import { withTempDir } from "../temp_dir.ts";
import { bigramFamily, writeBigram } from "./bigram.ts";

registerModelFamily(bigramFamily);

const filesOf = (json: unknown) =>
  new MemoryFiles(
    [["generation_config.json", new TextEncoder().encode(JSON.stringify(json))]],
    "model",
  );

Deno.test("end tokens of generation_config.json replace those of config.json", async () => {
  const config = { eos_token_id: 5, vocab_size: 9 };
  assert.deepEqual(
    await withEndTokens(config, filesOf({ eos_token_id: [7, 5] })),
    { eos_token_id: [7, 5], vocab_size: 9 },
  );
  for (const json of [{}, { eos_token_id: null }]) {
    assert.equal(await withEndTokens(config, filesOf(json)), config);
  }
  assert.equal(await withEndTokens(config, new MemoryFiles([], "model")), config);
  for (const eos_token_id of ["</s>", -1, [1.5]]) {
    await assert.rejects(
      withEndTokens(config, filesOf({ eos_token_id })),
      /generation_config.json: "eos_token_id" is .*, expected a token id or a list of them/,
    );
  }
});

Deno.test("recommended sampling is what would change a draw", async () => {
  const qwen = {
    bos_token_id: 151643,
    do_sample: true,
    eos_token_id: [151645, 151643],
    repetition_penalty: 1.05,
    temperature: 0.7,
    top_p: 0.8,
    top_k: 20,
    transformers_version: "4.37.0",
  };
  const { do_sample, repetition_penalty, temperature, top_p, top_k } = qwen;
  assert.deepEqual(
    await recommendedSampling(filesOf(qwen)),
    { do_sample, repetition_penalty, temperature, top_p, top_k },
  );
  const neutral = { do_sample: false, temperature: 1, top_k: 50, forced_eos_token_id: null };
  assert.deepEqual(await recommendedSampling(filesOf(neutral)), {});
  assert.deepEqual(await recommendedSampling(new MemoryFiles([], "model")), {});
});

deviceTest(
  "a model that is loaded ends where its generation_config.json says",
  (device) =>
    withTempDir(async (dir) => {
      await writeBigram(dir, { eosTokenIds: 1 });
      await Deno.writeTextFile(`${dir}/generation_config.json`, '{ "eos_token_id": [4, 1] }');
      const model = await loadLanguageModel(device, dir);
      assert.deepEqual(model.eosTokenIds, [4, 1]);
    }),
);
