import { UserError } from "../errors.ts";
import type { AdaptedModel } from "../training/adapter_trainer.ts";
import { learningRateAt } from "../training/schedules.ts";
import { clipMetrics } from "./completion_metrics.ts";
import { isWithoutSpread, leaveOneOutAdvantages } from "./group_advantages.ts";
import { type GroupBatch, type GroupStats, GroupTrainer } from "./group_trainer.ts";
import { mean, standardDeviation } from "../training/moments.ts";
import { resolveRLOOConfig, type RLOOConfig, type RLOOConfigInput } from "./rloo_config.ts";
import { type RLOOLoss, rlooLoss } from "./rloo_loss.ts";
import type { SampledTokens } from "./rollouts.ts";
import { type RewardColumns, weightRewards } from "./weighted_reward.ts";

/** Term added to a std, as in TRL. */
const EPSILON = 1e-8;

/**
 * REINFORCE leave-one-out (Ahmadian et al. 2024, https://arxiv.org/abs/2402.14740) of a LoRA adapter,
 * as TRL's RLOOTrainer computes it.
 */
export class RLOOTrainer extends GroupTrainer<RLOOConfig> {
  /**
   * Trains the adapter in place. A reference "initial" is the adapter as it is now.
   *
   * @throws {UserError} when the settings are not possible
   * @throws {OutOfMemoryError} when the optimizer's moments or the reference do not fit
   */
  constructor(policy: AdaptedModel, input: RLOOConfigInput) {
    const config = resolveRLOOConfig(input);
    super(policy, config, "RLOO", { reference: config.beta === 0 ? null : config.reference });
  }

  /**
   * Optimises the policy on one batch of rollouts. Rollouts with equal prompts are a group;
   * where they are a multiple of `numGenerations`, each `numGenerations` of them.
   *
   * @param prompts tokens of each rollout's prompt, `batchSize` rows
   * @param completions tokens that the policy generated
   * @param rewards rewards by name
   * @param sampled what {@linkcode GroupTrainer.generate} returned; else the log-probabilities of the
   *   policy as it is are the old ones
   * @throws {UserError} when there is not one of each for every row, a row cannot be trained on, a
   *   prompt has a single completion, or another step is running
   * @throws {TrainingDivergedError} when the loss or its gradient is not finite
   */
  step(
    prompts: readonly (readonly number[])[],
    completions: readonly (readonly number[])[],
    rewards: RewardColumns,
    sampled: readonly SampledTokens[] | null = null,
  ): Promise<GroupStats> {
    return this.exclusively(async () => {
      const { config } = this;
      const weighted = weightRewards(rewards, completions.length, config.rewardWeights);
      const learningRate = learningRateAt(this.stepsDone, config);
      const batch = await this.layOut(prompts, completions, sampled);
      const scores = this.#scores(weighted.rewards, batch);
      const kls = batch.rows.map((_, row) => sequenceKl(batch, row));
      const penalised = scores.map((score, row) => score - config.beta * kls[row]);
      const advantages = this.#advantages(penalised, batch);
      const updates = await this.optimize(
        batch,
        ({ rows, update }) => ({ logprobs }) =>
          rlooLoss(
            rows.map((row, i) => ({
              logprobs: logprobs[i],
              oldLogprobs: batch.oldLogprobs[row],
              advantage: advantages[row],
            })),
            config.epsilon,
            1 / update.length,
          ),
      );
      const clips = updates.flatMap(({ losses }) => losses.flatMap(({ clipped }) => clipped));
      const share = (kind: RLOOLoss["clipped"][number]) =>
        clips.filter((clip) => clip === kind).length / clips.length;
      return {
        rewards: penalised,
        advantages,
        metrics: {
          ...this.updateMetrics(updates, batch, learningRate),
          ...weighted.metrics,
          reward: mean(penalised),
          reward_std: mean(
            batch.groups.map((group) => standardDeviation(group.map((row) => penalised[row]))),
          ),
          frac_reward_zero_std: mean(
            batch.groups.map((group) =>
              Number(isWithoutSpread(standardDeviation(group.map((row) => scores[row]))))
            ),
          ),
          entropy: mean(updates.map(({ entropy }) => entropy)),
          kl: mean(kls),
          ...clipMetrics(share("low"), share("high")),
        },
      };
    });
  }

  /** Rewards with the penalty of missing ends, normalized where that is asked for. */
  #scores(rewards: readonly number[], { ended }: GroupBatch): number[] {
    const { missingEosPenalty, normalizeReward, rewardClipRange } = this.config;
    const missing = rewards.findIndex(Number.isNaN);
    if (missing >= 0) {
      throw new UserError(
        `every reward of response ${missing} is null: RLOO needs one for each response; return a number, or take GRPO, which leaves such responses out`,
      );
    }
    const scores = rewards.map((reward, row) => ended[row] ? reward : reward - missingEosPenalty);
    if (!normalizeReward) return scores;
    const bound = rewardClipRange ?? Infinity;
    return normalized(scores).map((score) => Math.min(Math.max(score, -bound), bound));
  }

  #advantages(rewards: readonly number[], { groups }: GroupBatch): Float64Array {
    const advantages = leaveOneOutAdvantages(rewards, groups);
    return this.config.normalizeAdvantages
      ? Float64Array.from(normalized([...advantages]))
      : advantages;
  }
}

/** KL of a response from the reference, log π - log π_ref summed over its tokens (k1); 0 without one. */
function sequenceKl({ oldLogprobs, refLogprobs }: GroupBatch, row: number): number {
  if (!refLogprobs) return 0;
  return oldLogprobs[row].reduce((sum, logprob, t) => sum + logprob - refLogprobs[row][t], 0);
}

function normalized(values: readonly number[]): number[] {
  const [center, std] = [mean(values), standardDeviation(values)];
  return values.map((value) => (value - center) / (std + EPSILON));
}
