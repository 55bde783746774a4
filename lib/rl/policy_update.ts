import { PPO_LOSS_STATISTICS } from "../../kernels/ppo_loss/ppo_loss.ts";
import type { Policy } from "../models/policy.ts";
import type { Adam } from "../nn/optimizer.ts";
import type { Random } from "../random.ts";
import type { PromptPass } from "../training/prompt_pass.ts";
import { forwardBackward, type TrainingPass } from "../training/token_pass.ts";
import { countedPositions } from "../training/token_rows.ts";
import { whiten } from "./advantages.ts";
import { mean, variance } from "../training/moments.ts";
import type { PPOConfig } from "./ppo_config.ts";
import { ppoLoss } from "./ppo_loss.ts";
import type { Rollout } from "./rollout.ts";
import type { MinibatchStatistics } from "./statistics.ts";

/** Options of one optimizer step. */
export interface UpdateOptions {
  /** The trainer's settings. */
  config: PPOConfig;
  /** Learning rate of this step. */
  learningRate: number;
  /** Generator of the dropout masks' seeds; null for no dropout. */
  random: Random | null;
  /** Prompts of the first minibatch, if generation has read them with a tape. */
  promptPass?: PromptPass | null;
}

/** Results of one optimizer step. */
export interface PolicyUpdate {
  /** Statistics over the counted positions of all its rollouts. */
  statistics: MinibatchStatistics;
  /** Global norm of the gradient before clipping. Where it is not finite, nothing was updated. */
  gradNorm: number;
  /** Whitened advantages of the counted positions, rollout by rollout. */
  advantages: Float64Array;
  /** `exp(logprob - oldLogprob)` of the same positions. */
  ratio: number[];
}

/**
 * Launches one optimizer step on `rollouts`, `miniBatchSize` of them at a time. Every mean, and the
 * whitening, is over the counted positions of all of them, so how they are divided into minibatches
 * changes nothing but rounding. The promise waits for the statistics: the next step can be launched
 * before it settles.
 */
export function updatePolicy(
  policy: Policy,
  optimizer: Adam,
  rollouts: readonly Rollout[],
  { config, learningRate, random, promptPass = null }: UpdateOptions,
): Promise<PolicyUpdate> {
  const { miniBatchSize, activationMemory, maxGradNorm } = config;
  const advantages = whiten(rollouts.flatMap((rollout) => [...rollout.advantages]));
  const loss = ppoLoss(config);
  const passes: WeightedPass[] = [];
  policy.parameters.zeroGrad();
  let position = 0;
  for (let row = 0; row < rollouts.length; row += miniBatchSize) {
    const minibatch = rollouts.slice(row, row + miniBatchSize);
    const start = position;
    const inputs = {
      oldLogprobs: minibatch.map(({ logprobs }) => logprobs),
      oldValues: minibatch.map(({ values }) => values),
      advantages: minibatch.map((rollout) =>
        advantages.subarray(position, position += countedPositions(rollout))
      ),
      returns: minibatch.map(({ returns }) => returns),
    };
    const share = { tokens: position - start, of: advantages.length };
    const isRead = row === 0 && promptPass?.isOf(minibatch.map(({ query }) => query));
    const pass = forwardBackward(policy, minibatch, loss, inputs, share, {
      activationMemory,
      dropoutSeed: random?.uint32() ?? null,
      promptPass: isRead ? promptPass : null,
    });
    passes.push({ ...pass, weight: share.tokens / share.of });
  }
  optimizer.step(learningRate, maxGradNorm);
  return describeUpdate(rollouts, advantages, passes, optimizer.gradNorm.read());
}

/** One minibatch's part of an update. */
interface WeightedPass extends TrainingPass {
  /** Its share of the update's counted positions. */
  weight: number;
}

async function describeUpdate(
  rollouts: readonly Rollout[],
  advantages: Float64Array,
  passes: readonly WeightedPass[],
  gradNormRead: Promise<Float32Array>,
): Promise<PolicyUpdate> {
  const [statistics, logprobs, [gradNorm]] = await Promise.all([
    Promise.all(passes.map((pass) => pass.statistics)),
    Promise.all(passes.map((pass) => pass.logprobs)),
    gradNormRead,
  ]);
  const ratio = logprobs.flat().flatMap((counted, row) =>
    Array.from(counted, (logprob, i) => Math.exp(logprob - rollouts[row].logprobs[i]))
  );
  const lossStatistics = PPO_LOSS_STATISTICS.map((name, s) => [
    name,
    passes.reduce((sum, pass, p) => sum + pass.weight * statistics[p][s], 0),
  ]);
  const returns = rollouts.flatMap((rollout) => [...rollout.returns]);
  const oldValues = rollouts.flatMap((rollout) => [...rollout.values]);
  return {
    statistics: {
      ...Object.fromEntries(lossStatistics),
      "ppo/policy/advantages_mean": mean(advantages),
      "ppo/returns/mean": mean(returns),
      "ppo/returns/var": variance(returns),
      "ppo/val/mean": mean(oldValues),
      "ppo/val/var": variance(oldValues),
    },
    gradNorm,
    advantages,
    ratio,
  };
}
