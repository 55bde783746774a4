/**
 * Direct preference optimization of a preference file: the demo's summaries, polite ones preferred
 * to rude ones.
 *
 * ```sh
 * deno run -A examples/dpo.ts --steps 30
 * deno run -A examples/dpo.ts --model ./my-model --pairs ./pairs.jsonl
 * ```
 *
 * `temper dpo` does the same with checkpoints, metrics and a comparison of before and after.
 */
import { parseArgs } from "node:util";
import {
  ChatTemplate,
  createAdapter,
  DEMO_MODEL,
  DPOTrainer,
  loadDataset,
  loadLanguageModel,
  openDevice,
  Random,
  resolveAsset,
  saveAdapter,
  textGenerator,
  Tokenizer,
} from "../mod.ts";

const { values: args } = parseArgs({
  options: {
    model: { type: "string", default: DEMO_MODEL },
    pairs: { type: "string", default: "demo/pairs" },
    steps: { type: "string", default: "30" },
    output: { type: "string" },
  },
});

// The model, and a LoRA adapter to train.
const folder = await resolveAsset(args.model);
const device = await openDevice();
const tokenizer = await Tokenizer.load(folder);
const model = await loadLanguageModel(device, folder);
const adapter = createAdapter(model, { r: 32, loraAlpha: 32, loraDropout: 0.05 }, 0);

// Rows with the columns prompt, chosen and rejected: texts, or lists of messages.
const dataset = await loadDataset(await resolveAsset(args.pairs), tokenizer, {
  template: () => ChatTemplate.load(folder),
});
const [train, test] = [dataset.split("train").pairs(), dataset.split("test").pairs()];
const held = Array.from({ length: Math.min(32, test.length) }, (_, i) => test.tokens(i));
console.log(`${train.length} pairs to train on, ${held.length} to measure on`);

const answer = textGenerator(model, tokenizer, { maxNewTokens: 64 }, adapter);
const example = { query: test.texts(0).prompt, inputIds: held[0].prompt };
const [before] = await answer([example], 0);

// The reference is the adapter as it is now; a step is 8 pairs.
const steps = Number(args.steps);
const trainer = new DPOTrainer({ model, adapter }, { steps, batchSize: 8, learningRate: 5e-4 });
const random = new Random(0);
for (let step = 1; step <= steps; step++) {
  const rows = random.shuffle(Array.from({ length: train.length }, (_, i) => i)).slice(0, 8);
  const { metrics } = await trainer.step(rows.map((row) => train.tokens(row)));
  console.log(
    `step ${step}: loss ${metrics.loss.toFixed(4)}  margin ${
      metrics["rewards/margins"].toFixed(3)
    }`,
  );
}

// On pairs that were not trained on.
const { metrics } = await trainer.evaluate(held);
console.log(`accuracy ${metrics["rewards/accuracies"].toFixed(3)}`);
console.log(`before: ${before}\nafter:  ${(await answer([example], 0))[0]}`);
if (args.output) await saveAdapter({ model, adapter }, args.output, args.model);
device.close();
