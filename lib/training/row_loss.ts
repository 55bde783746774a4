/**
 * Value and gradient of a loss over rows of log-probabilities. Losses over groups, pairs and whole
 * sequences are computed on the host, in f64: they take a few thousand numbers, where a pass takes
 * billions.
 */
export interface RowLoss {
  /** Value. */
  readonly loss: number;
  /** Gradient by each log-probability of each row. */
  readonly gradients: readonly Float64Array[];
}

/** Logarithm of the logistic function, without overflow: -log(1 + e^-x). */
export function logSigmoid(x: number): number {
  return Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x)));
}

/** Logistic function, without overflow: 1 / (1 + e^-x). */
export function sigmoid(x: number): number {
  return Math.exp(logSigmoid(x));
}
