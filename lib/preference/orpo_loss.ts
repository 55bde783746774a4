import { logSigmoid, sigmoid } from "../training/row_loss.ts";
import type { PairLoss } from "./dpo_loss.ts";

/** Loss of a pair with the odds ratio behind it. */
export interface ORPOLoss extends PairLoss {
  /** Logarithm of the odds of the chosen answer divided by those of the rejected one. */
  readonly logOddsRatio: number;
}

/**
 * Odds-ratio part of ORPO's loss (Hong et al. 2024, https://arxiv.org/abs/2403.07691, equation 6):
 * `-beta · ln σ(log(odds(chosen) / odds(rejected)))` with `odds = p / (1 - p)`. The whole loss adds
 * the negative log-likelihood of the chosen answer.
 *
 * @param chosen mean log-probability of the chosen answer's tokens, in nats
 * @param rejected mean log-probability of the rejected answer's tokens
 */
export function orpoLoss(chosen: number, rejected: number, beta: number): ORPOLoss {
  const logOddsRatio = logOdds(chosen) - logOdds(rejected);
  const slope = -beta * sigmoid(-logOddsRatio);
  return {
    loss: -beta * logSigmoid(logOddsRatio),
    // d log(p / (1 - p)) / d log p = 1 / (1 - p)
    chosen: slope / -Math.expm1(chosen),
    rejected: -slope / -Math.expm1(rejected),
    logOddsRatio,
  };
}

function logOdds(logprob: number): number {
  return logprob - Math.log(-Math.expm1(logprob));
}
