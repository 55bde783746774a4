import { Random } from "../random.ts";

/** Statistics of a sample of measurements. */
export interface SampleStatistics {
  /** Number of measurements. */
  count: number;
  /** Arithmetic mean. */
  mean: number;
  /** Population standard deviation: divided by the count. */
  std: number;
  /** 95 % confidence interval of the mean (see `bootstrapInterval`). */
  interval: [low: number, high: number];
}

/**
 * Mean, spread and confidence interval of measurements; all of them NaN when there are none.
 *
 * @param seed seed of the interval's resampling
 */
export function sampleStatistics(values: readonly number[], seed: number = 0): SampleStatistics {
  const count = values.length;
  const mean = values.reduce((a, b) => a + b, 0) / count;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / count;
  return { count, mean, std: Math.sqrt(variance), interval: bootstrapInterval(values, { seed }) };
}

/**
 * Confidence interval of the mean by the bootstrap's percentiles (Efron and Tibshirani 1993, "An
 * Introduction to the Bootstrap", chapter 13): the mean of many samples of the same size drawn
 * with replacement, cut off equally on both sides. It suits toxicities, which crowd at 0 and 1:
 * unlike the normal approximation it never leaves the range of the data. Measurements that are all
 * (nearly) equal give an interval of no width; that is not certainty, the sample may be too small.
 *
 * @param options.confidence share of the resampled means inside, default 0.95
 * @param options.resamples samples drawn, default 2000 (they advise at least 1000)
 * @param options.seed same seed, same interval
 */
export function bootstrapInterval(
  values: readonly number[],
  options: { confidence?: number; resamples?: number; seed?: number } = {},
): [low: number, high: number] {
  const { confidence = 0.95, resamples = 2000, seed = 0 } = options;
  const random = new Random(seed);
  const means = new Float64Array(resamples);
  for (let k = 0; k < resamples; k++) {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[random.integer(0, values.length)];
    means[k] = sum / values.length;
  }
  means.sort();
  const tail = (1 - confidence) / 2;
  return [quantile(means, tail), quantile(means, 1 - tail)];
}

/** Quantile of sorted values, linear between neighbours (type 7 of Hyndman and Fan 1996). */
function quantile(sorted: Float64Array, p: number): number {
  const position = p * (sorted.length - 1);
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
}
