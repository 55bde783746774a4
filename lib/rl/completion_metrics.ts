import { mean } from "../training/moments.ts";

/**
 * Lengths of a batch's completions, by TRL's names; those of completions that end by themselves
 * separately.
 *
 * @param ended true for each completion that has an end token
 */
export function completionMetrics(
  lengths: readonly number[],
  ended: readonly boolean[],
): Record<string, number> {
  const terminated = lengths.filter((_, i) => ended[i]);
  const { mean: average, min, max } = describe(lengths);
  const own = describe(terminated.length > 0 ? terminated : [0]);
  return {
    "completions/mean_length": average,
    "completions/min_length": min,
    "completions/max_length": max,
    "completions/clipped_ratio": 1 - terminated.length / lengths.length,
    "completions/mean_terminated_length": own.mean,
    "completions/min_terminated_length": own.min,
    "completions/max_terminated_length": own.max,
  };
}

/**
 * Clipped shares of an optimizer step, by TRL's names: TRL's minimum and maximum over processes are
 * the mean of the only one.
 */
export function clipMetrics(low: number, high: number): Record<string, number> {
  return {
    "clip_ratio/low_mean": low,
    "clip_ratio/low_min": low,
    "clip_ratio/high_mean": high,
    "clip_ratio/high_max": high,
    "clip_ratio/region_mean": low + high,
  };
}

function describe(lengths: readonly number[]) {
  return { mean: mean(lengths), min: Math.min(...lengths), max: Math.max(...lengths) };
}
