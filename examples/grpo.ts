/**
 * GRPO with your own reward: the demo model learns to summarise in few words.
 *
 * ```sh
 * deno run -A examples/grpo.ts
 * ```
 */
import { parseArgs } from "node:util";
import {
  createAdapter,
  DEMO_DATASET,
  DEMO_MODEL,
  GRPOTrainer,
  loadDataset,
  loadLanguageModel,
  openDevice,
  Random,
  resolveAsset,
  saveAdapter,
  Tokenizer,
} from "../mod.ts";

const { values } = parseArgs({ options: { steps: { type: "string", default: "20" } } });
const steps = Number(values.steps);
const prompts = 4;
const numGenerations = 8;

const folder = await resolveAsset(DEMO_MODEL);
const device = await openDevice();
const model = await loadLanguageModel(device, folder);
const tokenizer = await Tokenizer.load(folder);
const dataset = await loadDataset(await resolveAsset(DEMO_DATASET), tokenizer);
const train = dataset.split("train");

const lora = { r: 16, loraAlpha: 32, loraDropout: 0 };
const policy = { model, adapter: createAdapter(model, lora, 0) };
const trainer = new GRPOTrainer(policy, {
  steps,
  batchSize: prompts * numGenerations,
  numGenerations,
  miniBatchSize: prompts * numGenerations,
  maxCompletionLength: 64,
  learningRate: 2e-3,
  beta: 0.1,
  lrScheduler: "constant",
});

/** A point for a whole sentence, less one for each 200 characters. */
function reward(summary: string): number {
  return (summary.endsWith(".") ? 1 : 0) - summary.length / 200;
}

const random = new Random(0);
for (let step = 1; step <= steps; step++) {
  const examples = Array.from(
    { length: prompts },
    () => train.example(random.integer(0, train.length)),
  );
  const rollouts = await trainer.generate(examples.map(({ inputIds }) => inputIds), { seed: step });
  const summaries = rollouts.map(({ tokens }) =>
    tokenizer.decode(tokens, { skipSpecialTokens: true })
  );
  const { metrics } = await trainer.step(
    rollouts.map((_, row) => examples[Math.floor(row / numGenerations)].inputIds),
    rollouts.map(({ tokens }) => tokens),
    { brevity: summaries.map(reward) },
    rollouts,
  );
  const length = metrics["completions/mean_length"];
  console.log(`step ${step}: reward ${metrics.reward.toFixed(4)}, ${length.toFixed(1)} tokens`);
  if (step === steps) console.log(`a summary: ${summaries[0]}`);
}

await saveAdapter(policy, "grpo-adapter", DEMO_MODEL);
console.log("saved grpo-adapter");
device.close();
