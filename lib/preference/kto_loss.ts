import { sigmoid } from "../training/row_loss.ts";

/** Settings of the loss, as in TRL's KTOConfig. */
export interface KTOLossOptions {
  /** Strength with which the policy is held to the reference. */
  readonly beta: number;
  /** Weight of desirable answers. */
  readonly desirableWeight: number;
  /** Weight of undesirable answers. */
  readonly undesirableWeight: number;
}

/** Loss of an answer, and its derivative by the answer's log-probability. */
export interface AnswerLoss {
  readonly loss: number;
  readonly slope: number;
}

/**
 * Loss of one answer (Ethayarajh et al. 2024, https://arxiv.org/abs/2402.01306, as in TRL's
 * KTOTrainer): `1 - σ(beta·(ratio - kl))` for a desirable one, `1 - σ(beta·(kl - ratio))` for an
 * undesirable one, times its weight.
 *
 * @param ratio log-probability of the answer minus that under the reference, in nats
 * @param kl estimate of the KL from the reference, at least 0; it is not differentiated
 */
export function ktoLoss(
  ratio: number,
  desirable: boolean,
  kl: number,
  { beta, desirableWeight, undesirableWeight }: KTOLossOptions,
): AnswerLoss {
  const sign = desirable ? 1 : -1;
  const weight = desirable ? desirableWeight : undesirableWeight;
  const x = sign * beta * (ratio - kl);
  return {
    loss: weight * sigmoid(-x),
    slope: -weight * sign * beta * sigmoid(x) * sigmoid(-x),
  };
}
