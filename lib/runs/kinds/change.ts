import type { Change, Interval, Measured } from "./run_kind.ts";

/**
 * A comparison from a `summary.json` that may be broken.
 *
 * @param from names that lead to the object with `before` and `after`
 * @param within names that lead on from each of the two to its number
 * @returns a list of it alone; empty where a number is missing
 */
export function changeOf(
  summary: unknown,
  label: string,
  better: Change["better"],
  from: readonly string[],
  within: readonly string[] = [],
): Change[] {
  const [before, after] = ["before", "after"].map((side) =>
    valueAt(summary, [...from, side, ...within])
  );
  if (typeof before !== "number" || typeof after !== "number") return [];
  const count = valueAt(summary, [...from, "after", "count"]);
  return [{ label, before, after, ...(typeof count === "number" ? { count } : {}), better }];
}

/**
 * A comparison of two means with their confidence intervals, from a `summary.json` that may be broken.
 *
 * @param from names that lead to the object with `before` and `after`, each with `mean` and `interval`
 * @returns a list of it alone; empty where a mean is missing
 */
export function meanChangeOf(
  summary: unknown,
  label: string,
  better: Change["better"],
  from: readonly string[] = [label],
): Change[] {
  const [before, after] = ["before", "after"].map((side) =>
    valueAt(summary, [...from, side, "interval"])
  );
  return changeOf(summary, label, better, from, ["mean"]).map((change) =>
    isInterval(before) && isInterval(after) ? { ...change, intervals: { before, after } } : change
  );
}

/**
 * The win rate over the model before training, from a `summary.json` that may be broken: a model wins
 * half of the time over itself.
 *
 * @returns a list of it alone; empty where it is missing
 */
export function winRateChangeOf(summary: unknown): Change[] {
  const after = valueAt(summary, ["winRate"]);
  if (typeof after !== "number") return [];
  return [{ label: "win rate", before: 0.5, after, better: "higher" }];
}

/**
 * A number of a measurement that may be broken.
 *
 * @param from names that lead to it
 * @returns a list of it alone; empty where it is missing
 */
export function measuredOf(
  measurement: Readonly<Record<string, unknown>>,
  label: string,
  from: readonly string[],
): Measured[] {
  const value = valueAt(measurement, from);
  if (typeof value !== "number") return [];
  const { count } = measurement;
  return [{ label, value, ...(typeof count === "number" ? { count } : {}) }];
}

function isInterval(value: unknown): value is Interval {
  return Array.isArray(value) && value.length === 2 &&
    value.every((bound) => typeof bound === "number");
}

function valueAt(value: unknown, names: readonly string[]): unknown {
  return names.reduce<unknown>(
    (inner, name) => (inner as Record<string, unknown> | null | undefined)?.[name],
    value,
  );
}
