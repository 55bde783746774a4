/** TRL's RLOOTrainer with the model's answers given. */
import { RLOOTrainer } from "../../lib/rl/rloo_trainer.ts";
import { deviceTest } from "../device.ts";
import { assertArrayClose, assertScalarClose } from "../golden/cases.ts";
import {
  adaptedModel,
  assertParameters,
  type GoldenOptimizer,
  optimizerSettings,
} from "./adapter_steps.ts";
import { casesOf, families, familyCase } from "./families.ts";

interface RLOOCase {
  config: {
    rloo_k: number;
    kl_coef: number;
    cliprange: number;
    temperature: number;
    normalize_reward: boolean;
    reward_clip_range: number;
    normalize_advantage: boolean;
    missing_eos_penalty: number | null;
    num_ppo_epochs: number;
    num_mini_batches: number;
    response_length: number;
    stop_token_id: number;
  };
  optimizer: GoldenOptimizer;
  updates: {
    prompts: number[][];
    responses: number[][];
    raw_scores: number[];
    optimizer_steps: { loss: number; grad_norm: number }[];
    metrics: Record<string, number>;
  }[];
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;

for (const family of families) {
  for (const name of casesOf(family, "rloo_")) {
    deviceTest(`golden ${family}: ${name}`, async (device) => {
      const { json, arrays } = familyCase<RLOOCase>(family, name);
      const { config } = json;
      const policy = await adaptedModel(device, family);
      const batchSize = json.updates[0].responses.length;
      const trainer = new RLOOTrainer(policy, {
        ...optimizerSettings(json.optimizer),
        steps: json.updates.length,
        batchSize,
        miniBatchSize: batchSize / config.num_mini_batches,
        gradientAccumulationSteps: 1,
        numIterations: config.num_ppo_epochs,
        shuffleMinibatches: false,
        numGenerations: config.rloo_k,
        maxCompletionLength: config.response_length,
        temperature: config.temperature,
        beta: config.kl_coef,
        epsilon: config.cliprange,
        missingEosPenalty: config.missing_eos_penalty ?? 0,
        normalizeReward: config.normalize_reward,
        rewardClipRange: config.reward_clip_range,
        normalizeAdvantages: config.normalize_advantage,
      });
      const start = await policy.adapter.parameters.readAll();
      for (const [u, { prompts, responses, raw_scores, ...update }] of json.updates.entries()) {
        // Tokens after the first end token are noise.
        const completions = responses.map((tokens) => {
          const end = tokens.indexOf(config.stop_token_id);
          return end < 0 ? tokens : tokens.slice(0, end + 1);
        });
        const of = completions.map((_, row) => prompts[row % prompts.length]);
        const { metrics, advantages } = await trainer.step(of, completions, { score: raw_scores });
        assertArrayClose(advantages, arrays.floats(`update${u}.advantages`), "advantages");
        const losses = update.optimizer_steps.map(({ loss }) => loss);
        const norms = update.optimizer_steps.map(({ grad_norm }) => grad_norm);
        assertScalarClose(metrics.loss, mean(losses), `update ${u}: loss`);
        assertScalarClose(metrics.grad_norm, mean(norms), `update ${u}: grad_norm`);
        for (
          const [ours, theirs] of [
            ["kl", "objective/kl"],
            ["reward", "objective/rlhf_reward"],
            ["clip_ratio/region_mean", "policy/clipfrac_avg"],
          ]
        ) assertScalarClose(metrics[ours], update.metrics[theirs], `update ${u}: ${ours}`);
        const last = update.optimizer_steps.length - 1;
        const parameters = policy.adapter.parameters;
        await assertParameters(
          parameters,
          arrays,
          start,
          `update${u}.step${last}`,
          "update0.step0",
        );
      }
      trainer.dispose();
    });
  }
}
