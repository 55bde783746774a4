/** TRL's GRPOTrainer with the model's answers given. */
import assert from "node:assert/strict";
import { GRPOTrainer } from "../../lib/rl/grpo_trainer.ts";
import type { GRPOLossType } from "../../lib/rl/grpo_loss.ts";
import { deviceTest } from "../device.ts";
import { assertArrayClose, assertScalarClose } from "../golden/cases.ts";
import {
  adaptedModel,
  assertGradients,
  assertParameters,
  type GoldenOptimizer,
  optimizerSettings,
} from "./adapter_steps.ts";
import { casesOf, families, familyCase } from "./families.ts";

interface GRPOCase {
  config: {
    loss_type: GRPOLossType;
    beta: number;
    epsilon: number;
    epsilon_high: number;
    delta: number | null;
    scale_rewards: boolean;
    num_iterations: number;
    temperature: number;
    mask_truncated_completions: boolean;
    max_completion_length: number;
    num_generations: number;
  };
  optimizer: GoldenOptimizer;
  batches: {
    prompts: number[][];
    completions: number[][];
    rewards: (number | null)[][];
    reward_weights: number[];
    metrics: Record<string, number>;
  }[];
  steps: {
    batch: number;
    loss: number;
    grad_norm: number;
    metrics: Record<string, number>;
  }[];
}

for (const family of families) {
  for (const name of casesOf(family, "grpo_")) {
    deviceTest(`golden ${family}: ${name}`, async (device) => {
      const { json, arrays } = familyCase<GRPOCase>(family, name);
      const { config } = json;
      const policy = await adaptedModel(device, family);
      const { parameters } = policy.adapter;
      const rows = json.batches[0].prompts.length;
      const trainer = new GRPOTrainer(policy, {
        ...optimizerSettings(json.optimizer),
        steps: json.steps.length,
        batchSize: rows,
        miniBatchSize: rows,
        shuffleMinibatches: false,
        numGenerations: config.num_generations,
        maxCompletionLength: config.max_completion_length,
        lossType: config.loss_type,
        beta: config.beta,
        epsilon: config.epsilon,
        epsilonHigh: config.epsilon_high,
        delta: config.delta,
        scaleRewards: config.scale_rewards ? "group" : "none",
        temperature: config.temperature,
        maskTruncatedCompletions: config.mask_truncated_completions,
        rewardWeights: json.batches[0].reward_weights,
      });
      const start = await parameters.readAll();
      let tokens = 0;
      for (const [k, { batch, loss, grad_norm, metrics }] of json.steps.entries()) {
        const { prompts, completions, rewards, metrics: batchMetrics } = json.batches[batch];
        // With one iteration the old policy is the policy itself.
        const old = config.num_iterations === 1 ? null : completions.map(({ length }, row) => {
          const name = `batch${batch}.old_per_token_logps`;
          const width = arrays.shape(name)[1];
          const logprobs = arrays.floats(name).subarray(row * width, row * width + length);
          return { logprobs, values: null };
        });
        const columns = rewards.map((values, i) => [`reward_${i}`, values] as const);
        const stats = await trainer.step(prompts, completions, Object.fromEntries(columns), old);
        if (k === 0) await assertGradients(parameters, arrays, "step0");
        await assertParameters(parameters, arrays, start, `step${k}`, "step0");
        assertScalarClose(stats.metrics.loss, loss, `step ${k}: loss`);
        assertScalarClose(stats.metrics.grad_norm, grad_norm, `step ${k}: grad_norm`);
        const { num_tokens, ...others } = batchMetrics;
        for (const [metric, value] of Object.entries({ ...metrics, ...others })) {
          assertScalarClose(stats.metrics[metric], value, `step ${k}: ${metric}`);
        }
        assertArrayClose(stats.advantages, arrays.floats(`batch${batch}.advantages`), "advantages");
        tokens += prompts.concat(completions).reduce((sum, { length }) => sum + length, 0);
        assert.equal(stats.metrics.num_tokens, tokens);
        // TRL leaves masked completions out of its count.
        if (!config.mask_truncated_completions && k === 0) assert.equal(num_tokens, tokens);
      }
      trainer.dispose();
    });
  }
}
