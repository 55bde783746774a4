import { UserError } from "../errors.ts";
import type { AdaptedModel } from "../training/adapter_trainer.ts";
import { moveReference } from "../training/reference.ts";
import { learningRateAt } from "../training/schedules.ts";
import { clipMetrics } from "./completion_metrics.ts";
import { groupAdvantages, isWithoutSpread } from "./group_advantages.ts";
import {
  type GroupBatch,
  type GroupStats,
  GroupTrainer,
  type UpdatePass,
} from "./group_trainer.ts";
import { type GRPOConfig, type GRPOConfigInput, resolveGRPOConfig } from "./grpo_config.ts";
import { grpoLoss, type GRPOSums, tokenWeights } from "./grpo_loss.ts";
import { mean } from "../training/moments.ts";
import type { SampledTokens } from "./rollouts.ts";
import { type RewardColumns, weightRewards } from "./weighted_reward.ts";

/**
 * Group relative policy optimisation (Shao et al. 2024, https://arxiv.org/abs/2402.03300) of a LoRA
 * adapter, without a value model, as TRL's GRPOTrainer computes it.
 */
export class GRPOTrainer extends GroupTrainer<GRPOConfig> {
  /**
   * Trains the adapter in place. A reference "initial" is the adapter as it is now.
   *
   * @throws {UserError} when the settings are not possible
   * @throws {OutOfMemoryError} when the optimizer's moments or the reference do not fit
   */
  constructor(policy: AdaptedModel, input: GRPOConfigInput) {
    const config = resolveGRPOConfig(input);
    const reference = config.beta === 0 ? null : config.reference;
    super(policy, config, "GRPO", { reference, moves: config.syncRefModel });
  }

  /**
   * Optimises the policy on one batch of rollouts. Rollouts with equal prompts are a group;
   * where they are a multiple of `numGenerations`, each `numGenerations` of them.
   *
   * @param prompts tokens of each rollout's prompt, `batchSize` rows
   * @param completions tokens that the policy generated
   * @param rewards rewards by name, null where one has nothing to say
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
      const scored = this.#score(batch, weighted.rewards);
      const lengths = batch.rows.map(({ targets }, row) =>
        scored.isCounted[row] ? targets.length : 0
      );
      const updates = await this.optimize(
        batch,
        (pass) => this.#loss(batch, scored, lengths, pass),
      );
      this.#moveReference();
      const clips = updates.map(({ losses }) =>
        tokenMetrics(losses.map(({ sums }) => sums), config.beta)
      );
      const names = Object.keys(clips[0]);
      return {
        rewards: weighted.rewards,
        advantages: scored.advantages,
        metrics: {
          ...this.updateMetrics(updates, batch, learningRate),
          ...weighted.metrics,
          ...scored.metrics,
          entropy: mean(updates.map(({ entropy }) => entropy)),
          ...Object.fromEntries(names.map((name) => [name, mean(clips.map((clip) => clip[name]))])),
        },
      };
    });
  }

  /** Advantages, and the rollouts that count. */
  #score({ groups, ended }: GroupBatch, rewards: readonly number[]): ScoredGroups {
    const { scaleRewards, maskTruncatedCompletions, dynamicSampling } = this.config;
    // A response that no reward has judged is in no group: it has no part in a mean.
    const judged = groups.map((group) => group.filter((row) => !Number.isNaN(rewards[row])))
      .filter((group) => group.length > 0);
    if (judged.length === 0) {
      throw new UserError(
        "every reward of the step is null: no response can be learned from; a reward has to judge " +
          "at least some of them",
      );
    }
    const { advantages, means, stds } = groupAdvantages(rewards, judged, scaleRewards);
    const isCounted = rewards.map((reward, row) =>
      !Number.isNaN(reward) && !(maskTruncatedCompletions && !ended[row])
    );
    if (dynamicSampling) {
      judged.forEach((group, g) => {
        if (isWithoutSpread(stds[g])) { for (const row of group) isCounted[row] = false; }
      });
    }
    return {
      advantages,
      isCounted,
      metrics: {
        reward: mean(means),
        reward_std: mean(stds),
        frac_reward_zero_std: stds.filter(isWithoutSpread).length / stds.length,
      },
    };
  }

  #loss(batch: GroupBatch, scored: ScoredGroups, lengths: readonly number[], pass: UpdatePass) {
    const { lossType, maxCompletionLength, importanceSamplingLevel, ...config } = this.config;
    const { epsilon, epsilonHigh, delta, beta } = config;
    const options = {
      low: 1 - epsilon,
      high: 1 + (epsilonHigh ?? epsilon),
      delta,
      beta,
      importanceSamplingLevel,
    };
    const stepTokens = pass.update.reduce((sum, row) => sum + lengths[row], 0);
    const weights = tokenWeights(lossType, pass.rows.map((row) => lengths[row]), {
      maxCompletionLength,
      stepTokens,
      passes: pass.passes,
    });
    return ({ logprobs }: { logprobs: readonly Float32Array[] }) =>
      grpoLoss(
        pass.rows.map((row, i) => ({
          logprobs: logprobs[i],
          oldLogprobs: batch.oldLogprobs[row],
          refLogprobs: batch.refLogprobs?.[row] ?? null,
          advantage: scored.advantages[row],
          weight: weights[i],
        })),
        options,
      );
  }

  #moveReference(): void {
    const { syncRefModel, refModelSyncSteps, refModelMixupAlpha } = this.config;
    if (!syncRefModel || this.stepsDone % refModelSyncSteps !== 0) return;
    moveReference(this.reference!.parameters, this.parameters, refModelMixupAlpha);
  }
}

/** Advantages of a batch. */
interface ScoredGroups {
  readonly advantages: Float64Array;
  /** False where a rollout has no part in the loss. */
  readonly isCounted: boolean[];
  readonly metrics: Record<string, number>;
}

/** TRL's metrics of an optimizer step's clipped tokens, and of the KL where there is a reference. */
function tokenMetrics(passes: readonly GRPOSums[], beta: number): Record<string, number> {
  const sum = (name: keyof GRPOSums) => passes.reduce((total, sums) => total + sums[name], 0);
  // A step in which no rollout counts has clipped nothing.
  const tokens = Math.max(1, sum("tokens"));
  return {
    ...(beta !== 0 && { kl: sum("kl") / tokens }),
    ...clipMetrics(sum("clippedLow") / tokens, sum("clippedHigh") / tokens),
  };
}
