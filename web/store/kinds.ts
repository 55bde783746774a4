import { kindOf, runKinds } from "../../lib/runs/kinds/registry.ts";
import type { RunKind } from "../../lib/runs/kinds/run_kind.ts";
import { UserError } from "../../lib/errors.ts";

/** Finds a kind of run by its name; null for one that this Temper does not know. */
export function kindNamed(name: string): RunKind | null {
  return runKinds().find(({ kind }) => kind === name) ?? null;
}

/** Name of a run's kind, and the kind itself where this Temper knows it, from a `config.json`. */
export function kindIn(config: Record<string, unknown>): { name: string; kind: RunKind | null } {
  try {
    const kind = kindOf(config);
    return { name: kind.kind, kind };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const name = typeof config.kind === "string" ? config.kind : JSON.stringify(config.kind);
    return { name, kind: null };
  }
}

/** Unit of a kind's statistic, from the chart that shows it; empty for a pure number. */
export function unitOf({ charts }: Pick<RunKind, "charts">, metric: string): string {
  for (const { series, unit, rightUnit } of charts) {
    const line = series.find((line) => line.metric === metric);
    if (line) return (line.right ? rightUnit : unit) ?? "";
  }
  return "";
}
