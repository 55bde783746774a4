import type { Change } from "./run_kind.ts";

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
  return typeof before === "number" && typeof after === "number"
    ? [{ label, before, after, better }]
    : [];
}

function valueAt(value: unknown, names: readonly string[]): unknown {
  return names.reduce<unknown>(
    (inner, name) => (inner as Record<string, unknown> | null | undefined)?.[name],
    value,
  );
}
