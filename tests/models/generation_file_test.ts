import assert from "node:assert/strict";
import { MemoryFiles } from "../../lib/formats/model_files.ts";
import { recommendedSampling, withGenerationTokens } from "../../lib/models/generation_file.ts";
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
    await withGenerationTokens(config, filesOf({ eos_token_id: [7, 5] })),
    { eos_token_id: [7, 5], vocab_size: 9 },
  );
  for (const json of [{}, { eos_token_id: null }]) {
    assert.equal(await withGenerationTokens(config, filesOf(json)), config);
  }
  assert.equal(await withGenerationTokens(config, new MemoryFiles([], "model")), config);
  for (const eos_token_id of ["</s>", -1, [1.5]]) {
    await assert.rejects(
      withGenerationTokens(config, filesOf({ eos_token_id })),
      /generation_config.json: "eos_token_id" is .*, expected a token id or a list of them/,
    );
  }
});

Deno.test("tokens of generation_config.json that the vocabulary does not have are that file's", async () => {
  for (const eos_token_id of [9, [1, 1000]]) {
    await assert.rejects(
      withGenerationTokens({ vocab_size: 9 }, filesOf({ eos_token_id })),
      /generation_config.json: "eos_token_id" is (9|1000), expected a token below "vocab_size", 9/,
    );
  }
});

Deno.test("a decoder starts as generation_config.json says, and config.json must not say another", async () => {
  const t5 = { is_encoder_decoder: true };
  const file = filesOf({ decoder_start_token_id: 3 });
  assert.deepEqual(await withGenerationTokens(t5, file), { ...t5, decoder_start_token_id: 3 });
  await assert.rejects(
    withGenerationTokens({ ...t5, decoder_start_token_id: 0 }, file),
    /generation_config.json: "decoder_start_token_id" is 3, in config.json 0: .* make them the same/,
  );
  // A decoder-only model starts with its prompt.
  const llama = { vocab_size: 2 };
  assert.equal(await withGenerationTokens(llama, file), llama);
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
  // Settings that config.json is refused for are named as well; empty ones say nothing.
  const others = {
    exponential_decay_length_penalty: [15, 1.6],
    force_words_ids: [[3]],
    forced_decoder_ids: [[1, 2]],
    bad_words_ids: [[4]],
    stop_strings: ["END"],
  };
  assert.deepEqual(await recommendedSampling(filesOf(others)), others);
  const empty = { bad_words_ids: [], suppress_tokens: [], sequence_bias: {}, stop_strings: [] };
  assert.deepEqual(await recommendedSampling(filesOf(empty)), {});
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
