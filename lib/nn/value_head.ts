import { Random } from "../random.ts";
import type { Context } from "../tensor/context.ts";
import { applyDropout } from "../tensor/ops/dropout.ts";
import { linear } from "../tensor/ops/linear.ts";
import type { Norm } from "../tensor/ops/norm.ts";
import { normWithHead } from "../tensor/ops/projections.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { WeightMatrix } from "../tensor/weight.ts";
import type { Parameters, ParameterSpec } from "./parameters.ts";

const WEIGHT = "v_head.summary.weight";
const BIAS = "v_head.summary.bias";
/** TRL's `summary_dropout_prob`. */
const DROPOUT = 0.1;

/** Parameters of a value head over hidden states of `hiddenSize`, under TRL's names. */
export function valueHeadSpecs(hiddenSize: number): ParameterSpec[] {
  return [{ name: WEIGHT, shape: [1, hiddenSize] }, { name: BIAS, shape: [1] }];
}

/** Initialises weight and bias uniform in ±1/√hiddenSize, as torch's Linear (and so TRL) does. */
export function initValueHead(parameters: Parameters, seed: number): void {
  const random = new Random(seed);
  const bound = 1 / Math.sqrt(parameters.get(WEIGHT).width);
  for (const name of [WEIGHT, BIAS]) {
    const { length } = parameters.get(name);
    parameters.write(name, Float32Array.from({ length }, () => (2 * random.uniform() - 1) * bound));
  }
}

/**
 * TRL's ValueHead: dropout (while training with dropout on), then one linear layer from the hidden
 * size to 1.
 */
export class ValueHead {
  readonly #weight: WeightMatrix;
  readonly #bias: Tensor;

  /** A head of parameters that hold at least those of {@linkcode valueHeadSpecs}. */
  constructor(parameters: Parameters) {
    this.#weight = WeightMatrix.trainable(parameters.get(WEIGHT));
    this.#bias = parameters.get(BIAS);
  }

  /** Values, [M, 1], of hidden states, [M, hiddenSize]. */
  forward(cx: Context, hidden: Tensor): Tensor {
    const x = applyDropout(cx, hidden, DROPOUT);
    return linear(cx, x, this.#weight, { bias: this.#bias });
  }

  /**
   * Computes norm(h), [M, hiddenSize], and the values of its rows: in decoding, without a tape or
   * dropout.
   *
   * @param values f32 [M], written
   */
  normWithValues(cx: Context, h: Tensor, norm: Norm, values: Tensor): Tensor {
    return normWithHead(cx, h, norm, { weight: this.#weight, bias: this.#bias }, values);
  }
}
