import { sampleOf, type SampleSet } from "../../shared/samples.ts";

/** Row of `samples.jsonl` or `metrics.jsonl`. */
export type Row = Readonly<Record<string, unknown>>;

/** Rows of a file of JSON lines; lines that are not whole are left out. */
export function rowsIn(text: string): Row[] {
  return text.split("\n").flatMap((line) => {
    try {
      const row = JSON.parse(line);
      return typeof row === "object" && row !== null ? [row] : [];
    } catch {
      return [];
    }
  });
}

/** Samples of a step that are seen together: those of a group, or single ones. */
export function setsIn(step: number, rows: readonly Row[]): SampleSet[] {
  const sets = new Map<string, SampleSet>();
  for (const [i, row] of rows.entries()) {
    const name = typeof row.group === "number" ? `group ${row.group}` : `row ${i}`;
    sets.set(name, [...sets.get(name) ?? [], sampleOf({ ...row, step }, name)]);
  }
  return [...sets.values()];
}
