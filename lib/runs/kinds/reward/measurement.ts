import { z } from "../../../packages/zod.ts";
import type { PairRewards, RewardPair, RewardTrainer } from "../../../preference/reward_trainer.ts";
import { rewardMetrics } from "../../../preference/reward_trainer.ts";
import { slices } from "../../../training/slices.ts";

/** Quality of a reward model on pairs that it is not trained on. */
export interface RewardMeasurement {
  /** Share of the pairs whose chosen answer has the larger reward. */
  accuracy: number;
  /** Mean of the chosen answer's reward minus the rejected one's. */
  margin: number;
  /** Mean loss. */
  loss: number;
  /** Number of pairs. */
  count: number;
  /** Rewards of each pair. */
  rewards: PairRewards[];
}

/** Measures the rewards of pairs. @throws the signal's reason when it aborts */
export async function measurePairs(
  trainer: RewardTrainer,
  pairs: readonly RewardPair[],
  signal?: AbortSignal,
): Promise<RewardMeasurement> {
  const rewards: PairRewards[] = [];
  for (const pass of slices(pairs, trainer.config.batchSize)) {
    signal?.throwIfAborted();
    rewards.push(...await trainer.rewards(pass));
  }
  const { accuracy, margin } = rewardMetrics(rewards);
  return { accuracy, margin, loss: trainer.lossOf(pairs, rewards), count: pairs.length, rewards };
}

const schema: z.ZodType<RewardMeasurement> = z.object({
  accuracy: z.number(),
  margin: z.number(),
  loss: z.number(),
  count: z.int(),
  rewards: z.array(z.object({ chosen: z.number(), rejected: z.number() })),
});

/** Checks a measurement from a file; null for a broken one, or one on another number of pairs. */
export function parseRewardMeasurement(json: unknown, pairs: number): RewardMeasurement | null {
  const { data } = schema.safeParse(json);
  return data?.rewards.length === pairs ? data : null;
}

/** Describes a measurement in one line. */
export function rewardMeasurementLine(
  title: string,
  { accuracy, margin, loss, count }: RewardMeasurement,
): string {
  return `${title}: accuracy ${accuracy.toFixed(4)}  margin ${margin.toFixed(4)}  loss ` +
    `${loss.toFixed(4)}  (${count} test pairs)`;
}
