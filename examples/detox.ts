/**
 * Detoxifying summaries with PPO: the original notebook, cell for cell, on Temper's API.
 *
 * ```sh
 * deno run -A examples/detox.ts --steps 30 --samples 64
 * ```
 *
 * It runs on the demo that comes with Temper: a tiny FLAN-T5 that summarises dialogues and is rude
 * about half of the heated ones, and a tiny RoBERTa that tells rude texts from others.
 */

// %% [markdown]
// ## 1 Set up
// %%
import { parseArgs } from "node:util";
import {
  ClassifierReward,
  comparePolicies,
  createAdapter,
  createPolicy,
  DEMO_CLASSIFIER,
  DEMO_DATASET,
  DEMO_MODEL,
  evaluatePolicy,
  type Example,
  LengthSampler,
  loadDataset,
  loadLanguageModel,
  measureToxicity,
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
const inNotebook = false;

/** Shows more than text as a notebook's cell does; elsewhere prints the text in its place. */
function show(bundle: Record<string, string>): unknown {
  if (inNotebook) return { [Symbol.for("Jupyter.display")]: () => bundle };
  console.log(bundle["text/plain"]);
}

const device = await openDevice();
console.log(`Running on ${device.description}`);

// %% [markdown]
// ## 2 The model, the reward model and the measure of toxicity
// ### 2.1 Load the data, the model and its tokenizer
// %%
const modelFolder = await resolveAsset(DEMO_MODEL);
const tokenizer = await Tokenizer.load(modelFolder);
const dataset = await loadDataset(await resolveAsset(DEMO_DATASET), tokenizer);
const train = dataset.split("train");
const test = dataset.split("test");
console.log(dataset.describe());

// %% [markdown]
// Dialogues are filtered by length, and each becomes a prompt.
// %%
const { query, inputIds } = train.example(0);
console.log(`A prompt of ${inputIds.length} tokens:\n${query}`);

// %% [markdown]
// The model, and how many parameters a LoRA adapter on it has: what will be trained.
// %%
const model = await loadLanguageModel(device, modelFolder);

/** Prints how many parameters are trained, in the original's words. */
function printParameters(name: string, trainable: number, added: number): void {
  const all = model.parameterCount + added;
  console.log(
    `${name} parameters to be updated:\n` +
      `trainable model parameters: ${trainable}\n` +
      `all model parameters: ${all}\n` +
      `percentage of trainable model parameters: ${(100 * trainable / all).toFixed(2)}%\n`,
  );
}

const lora = { r: 32, loraAlpha: 32, loraDropout: 0.05, targetModules: ["q", "v"] };
const reference = createAdapter(model, lora, 0);
printParameters("PEFT model", reference.parameters.count, reference.parameters.count);

// %% [markdown]
// The policy: the model with an adapter, and a value head for PPO, with one weight for each element
// of the hidden states and a bias.
// %%
const { count } = createPolicy(model, lora, 0).parameters;
printParameters(`PPO model (value head: +${count - reference.parameters.count})`, count, count);

// %% [markdown]
// The reference model is the policy as it was before PPO. It is never trained.
// %%
printParameters("Reference model", 0, reference.parameters.count);

// %% [markdown]
// ### 2.2 The reward model: the higher the logit of "nothate", the less toxic the text
// %%
const classifier = await SequenceClassifier.load(device, await resolveAsset(DEMO_CLASSIFIER));
console.log(classifier.labels);

// %% [markdown]
// A text that is not toxic gets a high reward.
// %%
const nothate = classifier.labels.indexOf("nothate");

/** Prints what the classifier says of a text. */
async function printReward(text: string, level: "high" | "low"): Promise<void> {
  const { logits: [logits] } = await classifier.logits([text]);
  const numbers = (values: readonly number[]) => values.map((value) => value.toFixed(4)).join(", ");
  console.log(`logits [${classifier.labels.join(", ")}]: ${numbers(logits)}`);
  console.log(`probabilities [${classifier.labels.join(", ")}]: ${numbers(softmax(logits))}`);
  console.log(`reward (${level}): ${logits[nothate].toFixed(4)}`);
}

const nonToxicText = "#Person1# tells Tommy that he didn't like the movie.";
await printReward(nonToxicText, "high");

// %% [markdown]
// A toxic one gets a low reward.
// %%
const toxicText = "#Person1# tells Tommy that the movie was terrible, dumb and stupid.";
await printReward(toxicText, "low");

// %% [markdown]
// The same as a pipeline gives it: each label with its score, the highest first, as raw logits
// (`function_to_apply="none"`) and as probabilities (`"softmax"`).
// %%
async function pipeline(text: string, functionToApply: "none" | "softmax") {
  const { logits: [logits] } = await classifier.logits([text]);
  const scores = functionToApply === "softmax" ? softmax(logits) : logits;
  return classifier.labels.map((label, i) => ({ label, score: Number(scores[i].toFixed(6)) }))
    .sort((a, b) => b.score - a.score);
}

console.log("Reward model output:");
for (const [kind, text] of [["non-toxic", nonToxicText], ["toxic", toxicText]]) {
  console.log(`For ${kind} text`);
  console.log(await pipeline(text, "none"));
  console.log(await pipeline(text, "softmax"));
}

// %% [markdown]
// PPO takes the logit of "nothate" as the reward.
// %%
const reward = new ClassifierReward(classifier, { label: "nothate" });
const exampleRewards = await reward.score(
  [nonToxicText, toxicText].map((response) => ({ query: "", response })),
);
console.log(exampleRewards.map((value) => value.toFixed(4)).join(", "));

// %% [markdown]
// ### 2.3 Evaluate toxicity: the probability of "hate"
// %%
for (const [kind, text] of [["non-toxic", nonToxicText], ["toxic", toxicText]]) {
  const { toxicities } = await measureToxicity(classifier, [text]);
  console.log(`Toxicity score for ${kind} text:`);
  console.log(toxicities.map((toxicity) => toxicity.toFixed(6)));
}

// %% [markdown]
// The toxicity of a model: of its responses to prompts that it is not trained on.
// %%
const sampling = { doSample: true, minLength: 5, topK: 0, topP: 1 };
const evaluation = { ...sampling, maxNewTokens: 64, seed: 0 };
const testPrompts = Array.from({ length: numSamples }, (_, i) => test.example(i));

async function evaluateToxicity(adapter: typeof reference, when: "before" | "after") {
  const answer = textGenerator(model, tokenizer, evaluation, adapter);
  const toxicity = await evaluatePolicy(answer, classifier, testPrompts);
  const { mean, std, interval, count } = toxicity;
  console.log(`toxicity [mean, std] ${when} detox: [${mean.toFixed(6)}, ${std.toFixed(6)}]`);
  console.log(
    `95 % of means of ${count} samples: ${interval.map((x) => x.toFixed(4)).join(" to ")}`,
  );
  return toxicity;
}

// %% [markdown]
// The toxicity of the reference model, which training is to lower.
// %%
const before = await evaluateToxicity(reference, "before");

// %% [markdown]
// ## 3 Fine-tune to detoxify the summaries
// ### 3.1 The trainer
// The collator makes lists of rows: a list for each of their fields.
// %%
const collate = (rows: readonly Example[]) => ({
  id: rows.map(({ id }) => id),
  query: rows.map(({ query }) => query),
  inputIds: rows.map(({ inputIds }) => inputIds),
});

const collated = collate([train.example(0), train.example(1)]);
console.log(
  `Collator output: ids ${collated.id.join(", ")}; prompts of ${
    collated.inputIds.map((ids) => ids.length).join(" and ")
  } tokens`,
);

// %% [markdown]
// A trainer with a new policy, and no step done. Run this cell again to start afresh. The settings
// are those of `temper train` for this tiny model, whose summaries end within 64 tokens.
// %%
const batchSize = 16;
const policy = createPolicy(model, lora, 0);
const trainer = new PPOTrainer(policy, {
  steps,
  batchSize,
  miniBatchSize: 8,
  ppoEpochs: 2,
  learningRate: 4e-4,
  initKlCoef: 0.15,
  maxGradNorm: 0.2,
});
const outputLength = new LengthSampler(64, 65, new Random(0));
const history: { reward: number; kl: number }[] = [];

// %% [markdown]
// ### 3.2 The loop: the policy answers, the answers are scored, the policy takes a step
// `history` has an entry for each finished step: after an interruption, run this cell again to
// continue. When all steps are done, it does nothing.
// %%
while (history.length < steps) {
  const firstRollout = history.length * batchSize;
  const rows = Array.from(
    { length: batchSize },
    (_, i) => train.example((firstRollout + i) % train.length),
  );
  const batch = collate(rows);

  const generated = await trainer.generate(batch.inputIds, {
    ...sampling,
    maxNewTokens: rows.map(() => outputLength.sample()),
    seed: 1,
    firstRollout,
  });
  const responses = generated.map(({ tokens }) => tokens);

  const scores = await reward.score(batch.query.map((query, i) => ({
    query,
    response: tokenizer.decode(responses[i], { skipSpecialTokens: true }),
  })));

  const stats = await trainer.step(batch.inputIds, responses, scores, generated);
  history.push({ reward: stats["ppo/mean_scores"], kl: stats["objective/kl"] });
  console.log(`step ${history.length}: reward ${stats["ppo/mean_scores"].toFixed(4)}`);
  console.log(`objective/kl: ${stats["objective/kl"].toFixed(6)}`);
  console.log(`ppo/returns/mean: ${stats["ppo/returns/mean"].toFixed(6)}`);
  console.log(`ppo/policy/advantages_mean: ${stats["ppo/policy/advantages_mean"].toFixed(6)}`);
  console.log("-".repeat(99));
}

// %% [markdown]
// The reward and the KL to the reference, step by step.
// %%
function curve(title: string, values: readonly number[], y: number): string {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const points = values.map((value, i) => {
    const x = 70 + 500 * (values.length > 1 ? i / (values.length - 1) : 0.5);
    return `${x.toFixed(1)},${(y + 110 - 100 * (value - low) / (high - low || 1)).toFixed(1)}`;
  });
  return `<text x="70" y="${y}" font-weight="bold">${title}</text>` +
    `<text x="62" y="${y + 15}" text-anchor="end">${high.toFixed(2)}</text>` +
    `<text x="62" y="${y + 113}" text-anchor="end">${low.toFixed(2)}</text>` +
    `<polyline points="${points.join(" ")}" fill="none" stroke="#2563eb" stroke-width="2"/>` +
    `<text x="70" y="${y + 130}">step 1</text>` +
    `<text x="570" y="${y + 130}" text-anchor="end">step ${values.length}</text>`;
}

const rewards = history.map(({ reward }) => reward);
show({
  "image/svg+xml": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 590 330" width="590" ' +
    'font-family="sans-serif" font-size="12"><rect width="590" height="330" fill="#fff"/>' +
    curve("reward", rewards, 20) + curve("KL", history.map(({ kl }) => kl), 180) + "</svg>",
  "text/plain": `reward ${rewards[0].toFixed(4)} -> ${rewards.at(-1)!.toFixed(4)}`,
});

// %% [markdown]
// ### 3.3 Evaluate the model quantitatively
// %%
const after = await evaluateToxicity(policy.adapter, "after");

// %% [markdown]
// How much less toxic it is.
// %%
const improvement = (from: number, to: number) => `${(100 * (from - to) / from).toFixed(2)}%`;
console.log("Percentage improvement of toxicity score after detoxification:");
console.log(`mean: ${improvement(before.mean, after.mean)}`);
console.log(`std: ${improvement(before.std, after.std)}`);

// %% [markdown]
// ### 3.4 Evaluate the model qualitatively: the same prompts before and after
// %%
const comparison = await comparePolicies(
  textGenerator(model, tokenizer, evaluation, reference),
  textGenerator(model, tokenizer, evaluation, policy.adapter),
  testPrompts.slice(0, 20),
  reward.score,
);

// %% [markdown]
// As a table, the largest gain in reward first.
// %%
const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const columns = ["query", "response_before", "response_after", "reward_before", "reward_after"];
const cells = comparison.map((row) => [
  row.query,
  row.responseBefore,
  row.responseAfter,
  row.rewardBefore.toFixed(4),
  row.rewardAfter.toFixed(4),
  row.difference.toFixed(4),
]);
show({
  "text/html": "<table><thead><tr>" +
    [...columns, "reward_diff"].map((name) => `<th>${name}</th>`).join("") +
    "</tr></thead><tbody>" +
    cells.map((row) => `<tr>${row.map((cell) => `<td>${escaped(cell)}</td>`).join("")}</tr>`)
      .join("\n") +
    "</tbody></table>",
  "text/plain": cells.map(([, before, after, low, high, difference]) =>
    `${difference} (${low} -> ${high})\n  before: ${before}\n  after:  ${after}`
  ).join("\n"),
});
