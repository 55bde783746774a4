import assert from "node:assert/strict";
import { loadDataset } from "../../../../lib/data/dataset.ts";
import { resolveTrainConfig, type TrainConfigInput } from "../../../../lib/runs/settings/config.ts";
import { resolveAsset } from "../../../../lib/runs/settings/demo.ts";
import { loadRunPolicy } from "../../../../lib/runs/loading/policy.ts";
import { collectRollouts, type RolloutBatch } from "../../../../lib/runs/kinds/ppo/rollouts.ts";
import { WeightedRewards } from "../../../../lib/rewards/weighted_rewards.ts";
import { PPOTrainer } from "../../../../lib/rl/ppo_trainer.ts";
import { withDevice } from "../../../device.ts";

const rewards = new WeightedRewards([
  { name: "length", weight: 2, reward: (samples) => samples.map((s) => s.response.length) },
  { name: "one", weight: 1, reward: (samples) => samples.map(() => 1) },
]);

async function collect(step: number, input: TrainConfigInput): Promise<RolloutBatch> {
  let batch: RolloutBatch | undefined;
  await withDevice(async (device) => {
    const config = resolveTrainConfig({ outputMinLength: 4, outputMaxLength: 7, ...input });
    const policy = await loadRunPolicy(device, config);
    const dataset = await loadDataset(await resolveAsset(config.dataset), policy.tokenizer, config);
    const prompts = [0, 1, 2].map((index) => dataset.split("train").example(index));
    const { compat } = config;
    const trainer = new PPOTrainer(policy, { compat, batchSize: 3, miniBatchSize: 3 });
    batch = await collectRollouts(trainer, policy.tokenizer, rewards, prompts, step, config);
  });
  return batch!;
}

Deno.test("rollouts have drawn lengths and the rewards of their texts", async () => {
  const { responses, scores, samples } = await collect(0, {});
  samples.forEach((sample, index) => {
    assert.ok(sample.length >= 4 && sample.length < 7);
    assert.equal(responses[index].length, sample.length);
    assert.deepEqual(sample.rewards, { length: sample.response.length, one: 1 });
    assert.equal(sample.reward, 2 * sample.response.length + 1);
    assert.equal(scores[index], sample.reward);
  });
});

Deno.test("step and seed decide what is sampled", async () => {
  const tokens = async (step: number, input: TrainConfigInput) =>
    (await collect(step, { temperature: 3, ...input })).responses;
  assert.deepEqual(await tokens(3, {}), await tokens(3, {}));
  assert.notDeepEqual(await tokens(3, {}), await tokens(4, {}));
  assert.notDeepEqual(await tokens(3, {}), await tokens(3, { seed: 1 }));
});

Deno.test("as TRL 0.4 has it, a response cut off loses its start token and no other", async () => {
  const plain = await collect(0, { maxNewTokens: 5 });
  const compat = await collect(0, { maxNewTokens: 5, compat: "trl-0.4" });
  assert.deepEqual(compat.responses, plain.responses);
  const long = await collect(0, { maxNewTokens: 80, compat: "trl-0.4" });
  for (const response of long.responses) assert.equal(response[0], 0);
});
