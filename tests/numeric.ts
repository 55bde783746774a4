/** Reproducible random values in [-1, 1), so that a failure can be repeated. */
export function randomValues(length: number, seed = 1): Float32Array<ArrayBuffer> {
  const out = new Float32Array(length);
  let state = (seed * 2654435761) >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    // xorshift32
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    out[i] = state / 2 ** 31 - 1;
  }
  return out;
}

/** ‖actual - expected‖ / ‖expected‖; NaN in either gives NaN. */
export function relativeNorm(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) {
    throw new Error(`lengths differ: ${actual.length} and ${expected.length}`);
  }
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i] - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  return Math.sqrt(difference) / Math.max(Math.sqrt(norm), 1e-30);
}

/**
 * Slope of a loss along a direction in some of the values that it reads, by central differences.
 *
 * @param values values, which are changed meanwhile
 * @param step distance on either side
 */
export function slopeAlong(
  values: Float64Array,
  direction: ArrayLike<number>,
  loss: () => number,
  step: number,
): number {
  const saved = values.slice();
  const moved = (by: number) => {
    for (let i = 0; i < values.length; i++) values[i] = saved[i] + by * direction[i];
    return loss();
  };
  const slope = (moved(step) - moved(-step)) / (2 * step);
  values.set(saved);
  return slope;
}

/** Gives the rows of a row-major matrix, as WeightMatrix.freeze reads them. */
export function rowReader(
  data: ArrayLike<number>,
  columns: number,
): (first: number, count: number) => Float32Array {
  const values = Float32Array.from(data);
  return (first, count) => values.subarray(first * columns, (first + count) * columns);
}
