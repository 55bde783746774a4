import { logSigmoid, sigmoid } from "../training/row_loss.ts";
import type { PairLoss } from "./dpo_loss.ts";

/**
 * Loss of a reward model on a preference pair (Ouyang et al. 2022, https://arxiv.org/abs/2203.02155,
 * as in TRL's RewardTrainer): `-ln σ(chosen - rejected - margin) + coefficient·(chosen + rejected)²`.
 *
 * @param chosen reward of the chosen answer
 * @param rejected reward of the rejected answer
 * @param margin amount by which the chosen answer is to be better
 * @param centerRewardsCoefficient weight of rewards around 0 (https://arxiv.org/abs/2312.09244); 0 for none
 */
export function rewardLoss(
  chosen: number,
  rejected: number,
  margin = 0,
  centerRewardsCoefficient = 0,
): PairLoss {
  const x = chosen - rejected - margin;
  const sum = chosen + rejected;
  const centering = 2 * centerRewardsCoefficient * sum;
  return {
    loss: -logSigmoid(x) + centerRewardsCoefficient * sum ** 2,
    chosen: -sigmoid(-x) + centering,
    rejected: sigmoid(-x) + centering,
  };
}
