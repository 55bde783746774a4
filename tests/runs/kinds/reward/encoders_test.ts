/** Reward models on encoders: each is saved as a Hugging Face classifier that rewards. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { writeSafetensors } from "../../../../lib/formats/safetensors.ts";
import { elementCount } from "../../../../lib/formats/tensor_file.ts";
import { EncoderClassifier } from "../../../../lib/models/encoder_classifier.ts";
import { parseEncoderConfig } from "../../../../lib/models/encoder_config.ts";
import { modelWeights } from "../../../../lib/models/outline.ts";
import { readRows } from "../../../../lib/runs/folder/jsonl.ts";
import { reward } from "../../../../lib/runs/kinds/reward/kind.ts";
import { run } from "../../../../lib/runs/loop/run.ts";
import { resolveRewardRunConfig } from "../../../../lib/runs/settings/reward_config.ts";
import { SequenceClassifier } from "../../../../lib/models/sequence_classifier.ts";
import { ClassifierReward } from "../../../../lib/rewards/classifier_reward.ts";
import { withFolder } from "../../../cli/temper.ts";
import { withDevice } from "../../../device.ts";
import { randomValues } from "../../../numeric.ts";

const PIECES = "[PAD] [UNK] [CLS] [SEP] [MASK] we liked hated the park lake walk 1 2 3 4 5 . ?"
  .split(" ");
const PAIRS = [1, 2, 3, 4, 5].flatMap((i) =>
  ["park", "lake"].map((place) => ({
    prompt: `the walk ${i} ? `,
    chosen: `we liked the ${place} ${i} .`,
    rejected: `we hated the ${place} ${i} .`,
  }))
);

/** Encoders without a head, as they are after pretraining. */
const PRETRAINED = {
  bert: {
    model_type: "bert",
    architectures: ["BertForPreTraining"],
    hidden_size: 16,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 24,
  },
  distilbert: {
    model_type: "distilbert",
    architectures: ["DistilBertForMaskedLM"],
    dim: 16,
    n_layers: 1,
    n_heads: 2,
    hidden_dim: 24,
  },
};

async function writePretrained(folder: string, json: { model_type: string }): Promise<string> {
  const whole = { ...json, vocab_size: PIECES.length, max_position_embeddings: 24 };
  const config = parseEncoderConfig(whole, "config.json");
  const tensors = new Map();
  await withDevice(async (device) => {
    const weights = modelWeights(
      device,
      (device, store) => new EncoderClassifier(device, config, store),
    );
    for (const [i, { name, shape }] of weights.entries()) {
      if (!name.startsWith(`${json.model_type}.`)) continue;
      const data = Float32Array.from(randomValues(elementCount(shape), i), (x) => x / 2);
      tensors.set(name, { dtype: "F32", shape, data });
    }
    await Deno.mkdir(folder);
    await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify(whole));
    await Deno.writeTextFile(join(folder, "vocab.txt"), PIECES.join("\n"));
    await writeSafetensors(join(folder, "model.safetensors"), tensors);
  });
  return folder;
}

const HOW = {
  full: { full: true },
  merged: {},
  adapter: { merge: false },
};

for (
  const [family, architecture] of Object.entries({
    roberta: "RobertaForSequenceClassification",
    bert: "BertForSequenceClassification",
    distilbert: "DistilBertForSequenceClassification",
  })
) {
  Deno.test(`a reward model on ${family} is saved as a classifier that rewards, in full and with LoRA`, () =>
    withFolder(async (folder) => {
      const dataset = join(folder, "pairs.jsonl");
      await Deno.writeTextFile(dataset, PAIRS.map((pair) => JSON.stringify(pair)).join("\n"));
      const model = family === "bert" || family === "distilbert"
        ? await writePretrained(join(folder, family), PRETRAINED[family])
        : "demo/tiny-roberta-toxicity";
      for (const [how, settings] of Object.entries(HOW)) {
        const output = join(folder, how);
        const { summary } = await run(
          reward,
          resolveRewardRunConfig({
            ...{ model, dataset, output, steps: 32, batchSize: 4, evalEvery: 0, loraR: 2 },
            ...{ learningRate: 1e-2, device: "wasm", threads: 1, datasetCache: false },
            ...settings,
          }),
        );
        assert.ok(
          summary.margin.after > summary.margin.before + 0.1,
          `${how}: ${JSON.stringify(summary.margin)}`,
        );
        const rows = await readRows<
          { prompt: string; chosen: string; after: { chosen: number } }
        >(join(output, "pairs.jsonl"));
        await withDevice(async (device) => {
          const classifier = await (how === "adapter"
            ? SequenceClassifier.load(device, model, { adapter: summary.trained })
            : SequenceClassifier.load(device, summary.trained));
          const { score } = new ClassifierReward(classifier);
          const scores = await score(
            rows.map(({ prompt, chosen }) => ({ query: prompt, response: chosen })),
          );
          rows.forEach(({ after }, i) =>
            assert.ok(Math.abs(scores[i] - after.chosen) < 1e-4, `${how}: ${scores[i]}`)
          );
        });
        if (how === "adapter") continue;
        const config = JSON.parse(Deno.readTextFileSync(join(summary.trained, "config.json")));
        assert.deepEqual(config.architectures, [architecture], how);
        assert.deepEqual(config.id2label, { 0: "LABEL_0" }, how);
      }
    }));
}
