import type { JsonRow } from "../../shared/json_rows.ts";
import { sampleOf, type SampleSet } from "../../shared/samples.ts";

/** Samples of a step that are seen together: those of a group, or single ones. */
export function setsIn(step: number, rows: readonly Readonly<JsonRow>[]): SampleSet[] {
  const sets = new Map<string, SampleSet>();
  for (const [i, row] of rows.entries()) {
    const name = typeof row.group === "number" ? `group ${row.group}` : `row ${i}`;
    sets.set(name, [...sets.get(name) ?? [], sampleOf({ ...row, step }, name)]);
  }
  return [...sets.values()];
}
