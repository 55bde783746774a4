/** Merged models against the logits that PEFT's adapters have, and as the files of their families. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Checkpoint } from "../../lib/formats/checkpoint.ts";
import { mergeAdapter } from "../../lib/models/merge.ts";
import { DecoderForCausalLM } from "../../lib/models/decoder/decoder.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import { SequenceClassifier } from "../../lib/models/sequence_classifier.ts";
import { Context } from "../../lib/tensor/context.ts";
import { Packed } from "../../lib/tensor/packed.ts";
import { withDevice } from "../device.ts";
import { assertArrayClose, assertScalarClose } from "../golden/cases.ts";
import { withTempDir } from "../temp_dir.ts";
import { families, familyCase, familyFolder, foldersOf } from "./families.ts";
import { goldenCausalDir, readCase } from "./folder.ts";

for (const family of families) {
  const { json, arrays } = familyCase<{ prompts: number[][] }>(family, "forward");
  for (const checkpoint of foldersOf(family, "checkpoint")) {
    for (const adapter of foldersOf(family, "adapter")) {
      Deno.test(`golden ${family}/${checkpoint} merged with ${adapter}`, () =>
        withDevice((device) =>
          withTempDir(async (dir) => {
            const source = familyFolder(family, checkpoint);
            await mergeAdapter(source, familyFolder(family, adapter), dir + "/merged");
            const model = await loadLanguageModel(device, dir + "/merged");
            assert.ok(model instanceof DecoderForCausalLM);
            const prefix = adapter === "adapter-all" ? "adapter_all." : "adapter.";
            const cx = new Context(device);
            for (const [i, prompt] of json.prompts.entries()) {
              const hidden = model.encode(cx, Packed.create(cx, [prompt]), null);
              const name = `${prefix}logits.${i}`;
              assertArrayClose(await model.logits(cx, hidden).read(), arrays.floats(name), name);
            }
            cx.release();
            using before = await Checkpoint.open(source);
            using after = await Checkpoint.open(dir + "/merged");
            assert.deepEqual([...after.names()].sort(), [...before.names()].sort());
          })
        ));
    }
  }
}

if (existsSync(join(goldenCausalDir, "reward-llama"))) {
  Deno.test("golden reward-llama merged with its adapter, its head among it", () =>
    withDevice((device) =>
      withTempDir(async (dir) => {
        const [checkpoint, adapter] = ["checkpoint", "adapter"].map((name) =>
          join(goldenCausalDir, "reward-llama", name)
        );
        await mergeAdapter(checkpoint, adapter, dir + "/merged");
        const classifier = await SequenceClassifier.load(device, dir + "/merged");
        const { batches, steps: [first] } = readCase<{
          batches: { chosen: number[] }[][];
          steps: { rewards_chosen: number[] }[];
        }>("reward-llama", "reward_plain.json");
        const scores = await classifier.tokenLogits(batches[0].map(({ chosen }) => chosen));
        first.rewards_chosen.forEach((expected, i) =>
          assertScalarClose(scores[i][0], expected, `chosen ${i}`)
        );
      })
    ));
}
