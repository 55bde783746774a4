/**
 * Detoxifying summaries with PPO: the original notebook, section by section, on Temper's API.
 *
 * ```sh
 * deno run -A examples/detox.ts --steps 30 --samples 64
 * ```
 *
 * It runs on the demo that comes with Temper: a tiny FLAN-T5 that summarises dialogues and is rude
 * about half of the heated ones, and a tiny RoBERTa that tells rude texts from others.
 */
import { parseArgs } from "node:util";
import {
  ClassifierReward,
  comparePolicies,
  createPolicy,
  DEMO_CLASSIFIER,
  DEMO_DATASET,
  DEMO_MODEL,
  evaluatePolicy,
  LengthSampler,
  loadDataset,
  loadLanguageModel,
  openDevice,
  PPOTrainer,
  Random,
  resolveAsset,
  SequenceClassifier,
  softmax,
  textGenerator,
  Tokenizer,
} from "../mod.ts";

const { values: args } = parseArgs({
  options: {
    steps: { type: "string", default: "30" },
    samples: { type: "string", default: "64" },
  },
});
const steps = Number(args.steps);
const numSamples = Number(args.samples);
const percent = (part: number, all: number): string => `${(100 * part / all).toFixed(2)} %`;

// 1. Load the data, the model and its tokenizer

const device = await openDevice();
console.log(`Running on ${device.description}\n`);

const modelFolder = await resolveAsset(DEMO_MODEL);
const tokenizer = await Tokenizer.load(modelFolder);
const dataset = await loadDataset(await resolveAsset(DEMO_DATASET), tokenizer);
const train = dataset.split("train");
const test = dataset.split("test");
console.log(dataset.describe());
const { query, inputIds } = train.example(0);
console.log(`\nA prompt of ${inputIds.length} tokens:\n${query}\n`);

const model = await loadLanguageModel(device, modelFolder);

// 2.1 The model with a LoRA adapter, and a value head for PPO

const lora = { r: 32, loraAlpha: 32, loraDropout: 0.05, targetModules: ["q", "v"] };
const policy = createPolicy(model, lora, 0);
const trainable = policy.parameters.count;
const all = model.parameterCount + trainable;
console.log(`trainable parameters: ${trainable} of ${all}, ${percent(trainable, all)}\n`);

// 2.2 The reward model: the higher the logit of "nothate", the less toxic the text

const classifier = await SequenceClassifier.load(device, await resolveAsset(DEMO_CLASSIFIER));
const nothate = classifier.labels.indexOf("nothate");
const texts = [
  "#Person1# tells Tommy that he didn't like the movie.",
  "#Person1# tells Tommy that the movie was terrible, dumb and stupid.",
];
const { logits } = await classifier.logits(texts);
texts.forEach((text, i) => {
  console.log(text);
  console.log(`  logits [${classifier.labels}]: ${logits[i].map((x) => x.toFixed(4))}`);
  console.log(`  probabilities: ${softmax(logits[i]).map((p) => p.toFixed(4))}`);
  console.log(`  reward: ${logits[i][nothate].toFixed(4)}\n`);
});
const reward = new ClassifierReward(classifier, { label: "nothate" });

// 2.3 Toxicity before: what the policy answers to prompts that it is not trained on

const sampling = { doSample: true, minLength: 5, topK: 0, topP: 1 };
const evaluation = { ...sampling, maxNewTokens: 100, seed: 0 };
const testPrompts = Array.from({ length: numSamples }, (_, i) => test.example(i));
const answer = textGenerator(model, tokenizer, evaluation, policy.adapter);

async function reportToxicity(when: string): Promise<number> {
  const { count, mean, std, interval } = await evaluatePolicy(answer, classifier, testPrompts);
  console.log(
    `toxicity ${when}: mean ${mean.toFixed(4)} (95 %: ${interval.map((x) => x.toFixed(3))}), ` +
      `std ${std.toFixed(4)}, ${count} samples\n`,
  );
  return mean;
}
const toxicityBefore = await reportToxicity("before");

// 3.1 The trainer: the KL reference is the adapter as it is now

const batchSize = 16;
const trainer = new PPOTrainer(policy, {
  steps,
  batchSize,
  miniBatchSize: 4,
  ppoEpochs: 2,
  learningRate: 1e-3,
});

// 3.2 The loop: the policy answers, the answers are scored, the policy takes a step

const outputLength = new LengthSampler(40, 60, new Random(0));
for (let step = 0; step < steps; step++) {
  const firstRollout = step * batchSize;
  const batch = Array.from(
    { length: batchSize },
    (_, i) => train.example((firstRollout + i) % train.length),
  );
  const queries = batch.map(({ inputIds }) => inputIds);

  const generated = await trainer.generate(queries, {
    ...sampling,
    maxNewTokens: batch.map(() => outputLength.sample()),
    seed: 1,
    firstRollout,
  });
  const responses = generated.map(({ tokens }) => tokens);

  const scores = await reward.score(batch.map(({ query }, i) => ({
    query,
    response: tokenizer.decode(responses[i], { skipSpecialTokens: true }),
  })));

  const stats = await trainer.step(queries, responses, scores, generated);
  console.log(
    `step ${step + 1}: reward ${stats["ppo/mean_scores"].toFixed(3)}, ` +
      `kl ${stats["objective/kl"].toFixed(3)}, return ${stats["ppo/returns/mean"].toFixed(3)}`,
  );
}

// 3.3 Toxicity after

console.log();
const toxicityAfter = await reportToxicity("after");
console.log(`change: ${percent(toxicityAfter - toxicityBefore, toxicityBefore)}\n`);

// 3.4 The same prompts before and after, the largest gain first

const comparison = await comparePolicies(
  textGenerator(model, tokenizer, evaluation, trainer.reference),
  answer,
  testPrompts.slice(0, 20),
  reward.score,
);
for (const row of comparison) {
  const rewards = `${row.rewardBefore.toFixed(2)} -> ${row.rewardAfter.toFixed(2)}`;
  console.log(`${row.difference >= 0 ? "+" : ""}${row.difference.toFixed(2)} (${rewards})`);
  console.log(`  before: ${row.responseBefore}`);
  console.log(`  after:  ${row.responseAfter}`);
}
device.close();
