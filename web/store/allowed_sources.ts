import { resolve } from "node:path";

/** Models and rewards that the command line of the site names, as runs would. */
export interface AllowedSources {
  /** Models. */
  model?: readonly string[];
  /** Rewards: classifiers, scripts, pipelines. */
  reward?: readonly string[];
}

/**
 * Finds what a run's settings name and this site may not use. A run's folder may be from anybody: its
 * reward scripts, and pipelines, which load native code, run only where the site's own command line
 * names them; other files are read as far as its permissions go.
 *
 * @param config settings of the run, which may be broken
 * @returns the reason with the option that allows it; null when there is nothing
 */
export function forbiddenSource(
  config: Readonly<Record<string, unknown>>,
  allowed: AllowedSources,
): string | null {
  for (const key of ["model", "reward"] as const) {
    const named = new Set((allowed[key] ?? []).map(identityOf));
    for (const source of [config[key] ?? []].flat()) {
      if (typeof source !== "string" || named.has(identityOf(source))) continue;
      const runsCode = key === "reward" && /^pipeline:|\.[cm]?[jt]s$/.test(source);
      if (!runsCode && isReadable(pathOf(source))) continue;
      const why = runsCode
        ? "runs code, which this site does only when its own command line names it"
        : "is not something that this site may read";
      return `The run's ${key} ${source} ${why}. If you trust it, start the site with --${key} ${source}.`;
    }
  }
  return null;
}

/** A source under one name, however its path is written: a pipeline is not the classifier of its path. */
function identityOf(source: string): string {
  return `${/^(onnx|pipeline):/.exec(source)?.[0] ?? ""}${pathOf(source)}`;
}

/** Absolute path of a source; that of what comes from the Hub is as good as any name. */
function pathOf(source: string): string {
  return resolve(source.replace(/^(onnx|pipeline):/, ""));
}

function isReadable(path: string): boolean {
  return Deno.permissions.querySync({ name: "read", path }).state === "granted";
}
