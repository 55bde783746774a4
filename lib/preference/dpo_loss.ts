import type { DPOConfig } from "./dpo_config_type.ts";
import { logSigmoid, sigmoid } from "../training/row_loss.ts";

/** Losses of direct preference optimisation. */
export const DPO_LOSS_TYPES = [
  "sigmoid",
  "hinge",
  "ipo",
  "robust",
  "apo_zero",
  "apo_down",
  "sppo_hard",
] as const;

/** Loss of direct preference optimisation, by TRL's name. */
export type DPOLossType = DPOConfig["lossType"];

/** Settings of the loss, as in TRL's DPOConfig. */
export interface DPOLossOptions {
  readonly lossType: DPOLossType;
  /** Strength with which the policy is held to the reference. */
  readonly beta: number;
  /** Probability that a preference is the wrong way round: for `sigmoid` and `robust`. */
  readonly labelSmoothing: number;
}

/** Loss of a pair, and its derivatives by the log-probabilities of its two answers. */
export interface PairLoss {
  /** Value. */
  readonly loss: number;
  /** Derivative by the log-probability of the chosen answer. */
  readonly chosen: number;
  /** Derivative by the log-probability of the rejected answer. */
  readonly rejected: number;
}

/**
 * Loss of a preference pair. With `a` and `d` the log-probabilities of the chosen and the rejected
 * answer minus those under the reference, and `x = beta·(a - d)`:
 *
 * | `lossType`  | loss                                                     | source                           |
 * | ----------- | -------------------------------------------------------- | -------------------------------- |
 * | `sigmoid`   | -(1 - s)·ln σ(x) - s·ln σ(-x), s = `labelSmoothing`      | https://arxiv.org/abs/2305.18290 |
 * | `hinge`     | max(0, 1 - x)                                            | https://arxiv.org/abs/2305.10425 |
 * | `ipo`       | (a - d - 1 / (2·beta))²                                  | https://arxiv.org/abs/2310.12036 |
 * | `robust`    | (-(1 - s)·ln σ(x) + s·ln σ(-x)) / (1 - 2s)               | https://arxiv.org/abs/2403.00409 |
 * | `apo_zero`  | 1 - σ(beta·a) + σ(beta·d)                                | https://arxiv.org/abs/2408.06266 |
 * | `apo_down`  | σ(beta·a) + 1 - σ(beta·(a - d))                          | https://arxiv.org/abs/2408.06266 |
 * | `sppo_hard` | (a - 1 / (2·beta))² + (d + 1 / (2·beta))²                | https://arxiv.org/abs/2405.00675 |
 *
 * For `ipo` the log-probabilities are means over an answer's tokens, for the others sums, as in TRL.
 *
 * @param a log-ratio of the chosen answer
 * @param d log-ratio of the rejected answer
 */
export function dpoLoss(a: number, d: number, options: DPOLossOptions): PairLoss {
  const { beta, labelSmoothing: s } = options;
  const x = beta * (a - d);
  switch (options.lossType) {
    case "sigmoid":
      return ofMargin(
        -(1 - s) * logSigmoid(x) - s * logSigmoid(-x),
        beta * (s * sigmoid(x) - (1 - s) * sigmoid(-x)),
      );
    case "robust":
      return ofMargin(
        (-(1 - s) * logSigmoid(x) + s * logSigmoid(-x)) / (1 - 2 * s),
        -beta * ((1 - s) * sigmoid(-x) + s * sigmoid(x)) / (1 - 2 * s),
      );
    case "hinge":
      return ofMargin(Math.max(0, 1 - x), x < 1 ? -beta : 0);
    case "ipo": {
      const distance = a - d - 1 / (2 * beta);
      return ofMargin(distance ** 2, 2 * distance);
    }
    case "apo_zero":
      return {
        loss: sigmoid(-beta * a) + sigmoid(beta * d),
        chosen: -beta * sigmoidSlope(beta * a),
        rejected: beta * sigmoidSlope(beta * d),
      };
    case "apo_down": {
      const slope = beta * sigmoidSlope(x);
      return {
        loss: sigmoid(beta * a) + sigmoid(-x),
        chosen: beta * sigmoidSlope(beta * a) - slope,
        rejected: slope,
      };
    }
    case "sppo_hard": {
      const [high, low] = [a - 1 / (2 * beta), d + 1 / (2 * beta)];
      return { loss: high ** 2 + low ** 2, chosen: 2 * high, rejected: 2 * low };
    }
  }
}

/** Loss of the difference of the two log-ratios. */
function ofMargin(loss: number, slope: number): PairLoss {
  return { loss, chosen: slope, rejected: -slope };
}

function sigmoidSlope(x: number): number {
  return sigmoid(x) * sigmoid(-x);
}
