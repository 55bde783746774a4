/**
 * A reward model from preferences, then PPO with it: the demo's T5 learns from pairs which summaries
 * are polite, and a policy on the same T5 learns to write them.
 *
 * ```sh
 * deno run -A examples/reward_model_then_ppo.ts --reward-steps 20 --steps 20
 * ```
 * `temper reward` and `temper train --reward` do the same with checkpoints, metrics and a comparison.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  ClassifierReward,
  createPolicy,
  DEMO_DATASET,
  DEMO_MODEL,
  loadClassifierAdapter,
  loadDataset,
  loadLanguageModel,
  openDevice,
  PPOTrainer,
  Random,
  resolveAsset,
  RewardTrainer,
  saveClassifierAdapter,
  savePolicy,
  SequenceClassifier,
  Tokenizer,
} from "../mod.ts";

const { values: args } = parseArgs({
  options: {
    pairs: { type: "string", default: "demo/pairs" },
    "reward-steps": { type: "string", default: "20" },
    steps: { type: "string", default: "20" },
    output: { type: "string", default: "runs/reward-then-ppo" },
  },
});
const [rewardSteps, steps] = [Number(args["reward-steps"]), Number(args.steps)];
const folder = await resolveAsset(DEMO_MODEL);
const device = await openDevice();
const tokenizer = await Tokenizer.load(folder);
const lora = { r: 32, loraAlpha: 32, loraDropout: 0 };
const random = new Random(0);
// The reward model: an adapter and a head with one output, on pairs of a better and a worse answer.
const judge = await loadClassifierAdapter(device, folder, lora, { labels: 1 });
const preferences = await loadDataset(await resolveAsset(args.pairs), tokenizer);
const pairs = preferences.split("train").pairs(false);
const [chosen, rejected] = [pairs.wholes("chosen"), pairs.wholes("rejected")];
const judging = new RewardTrainer(judge, { steps: rewardSteps, learningRate: 3e-3 });
for (let step = 1; step <= rewardSteps; step++) {
  const rows = Array.from({ length: 8 }, () => random.integer(0, pairs.length));
  const batch = rows.map((row) => ({ chosen: chosen.ids(row), rejected: rejected.ids(row) }));
  const { metrics: { accuracy, margin } } = await judging.step(batch);
  console.log(`reward step ${step}: accuracy ${accuracy.toFixed(3)}  margin ${margin.toFixed(3)}`);
}
judging.dispose();
const adapter = join(args.output, "reward-model");
await saveClassifierAdapter(judge, adapter, DEMO_MODEL);

// The policy: its responses are scored by the reward model's only logit.
const reward = new ClassifierReward(await SequenceClassifier.load(device, folder, { adapter }));
const policy = createPolicy(await loadLanguageModel(device, folder), lora, 0);
const config = { steps, batchSize: 16, miniBatchSize: 8, ppoEpochs: 2, learningRate: 4e-4 };
const trainer = new PPOTrainer(policy, config);
const train = (await loadDataset(await resolveAsset(DEMO_DATASET), tokenizer)).split("train");
for (let step = 1; step <= steps; step++) {
  const rows = Array.from({ length: 16 }, () => train.example(random.integer(0, train.length)));
  const prompts = rows.map(({ inputIds }) => inputIds);
  const rollouts = await trainer.generate(prompts, { maxNewTokens: 64, seed: step });
  const responses = rollouts.map(({ tokens }) => tokens);
  const texts = responses.map((ids) => tokenizer.decode(ids, { skipSpecialTokens: true }));
  const scores = await reward.score(rows.map(({ query }, i) => ({ query, response: texts[i] })));
  const stats = await trainer.step(prompts, responses, scores, rollouts);
  console.log(`ppo step ${step}: reward ${stats["ppo/mean_scores"].toFixed(4)}  ${texts[0]}`);
}
await savePolicy(policy, join(args.output, "policy"), DEMO_MODEL);
console.log(`saved ${args.output}`);
device.close();
