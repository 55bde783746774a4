/**
 * Learning curves of each algorithm on the demos, as Markdown for RESULTS.md.
 *
 * deno run -A bench/curves.ts                            all of them, which takes a quarter of an hour
 * deno run -A bench/curves.ts grpo --seeds 0,1,2,3,4     one of them, the mean over several seeds
 *
 * Results do not depend on the number of threads, so there is one by default: its processor time is
 * the time on an idle core, however busy the machine is.
 */
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { readMetrics } from "../lib/runs/folder/metrics.ts";
import type { MetricsRow } from "../lib/runs/folder/export.ts";
import { evaluate } from "../lib/runs/commands/evaluate.ts";
import { kindOfCommand } from "../lib/runs/kinds/registry.ts";
import type { Change } from "../lib/runs/kinds/run_kind.ts";
import { run } from "../lib/runs/loop/run.ts";
import { resolveTrainConfig } from "../lib/runs/settings/config.ts";
import { DEMO_MODEL } from "../lib/runs/settings/demo.ts";

/** A run of a demo, and the statistics of its steps that are shown. */
interface Curve {
  readonly command: string;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly metrics: readonly string[];
  /** True where the toxicity of the result is measured, which the run itself does not do. */
  readonly toxicity?: boolean;
}

const GROUPS = ["reward", "reward_std", "frac_reward_zero_std", "completions/mean_length"];
const PAIRS = ["loss", "rewards/margins", "rewards/accuracies", "logps/chosen", "logps/rejected"];

const CURVES: Readonly<Record<string, Curve>> = {
  "grpo": { command: "grpo", metrics: [...GROUPS, "entropy"] },
  "grpo-detox": {
    command: "grpo",
    settings: { model: DEMO_MODEL },
    metrics: [...GROUPS, "kl"],
    toxicity: true,
  },
  "rloo": { command: "rloo", metrics: [...GROUPS, "kl"] },
  "dpo": { command: "dpo", metrics: PAIRS },
  "orpo": { command: "orpo", metrics: PAIRS },
  "kto": { command: "kto", metrics: PAIRS },
  "reward": { command: "reward", metrics: ["loss", "accuracy", "margin", "mean_reward"] },
};

/** Number of rows of a curve: each is the mean of as many steps. */
const ROWS = 10;

/** A run with one seed. */
interface SeedResult {
  readonly seed: number;
  readonly rows: readonly MetricsRow[];
  readonly changes: readonly Change[];
  readonly seconds: { readonly wall: number; readonly user: number };
}

async function train(curve: Curve, seed: number, device: object): Promise<SeedResult> {
  const folder = await Deno.makeTempDir({ prefix: "temper-curves-" });
  try {
    const kind = kindOfCommand(curve.command);
    const output = join(folder, "run");
    const settings = { ...curve.settings, ...device, seed, output, progress: false };
    const [started, cpu] = [performance.now(), process.cpuUsage()];
    const { summary, trained } = await run(kind, kind.resolve(settings));
    const { user } = process.cpuUsage(cpu);
    const seconds = { wall: (performance.now() - started) / 1000, user: user / 1e6 };
    const changes = kind.changes({ ...summary });
    if (curve.toxicity) {
      const measure = async (adapter: string | null) =>
        (await evaluate(resolveTrainConfig({ ...curve.settings, ...device, adapter }))).mean;
      const [before, after] = [await measure(null), await measure(trained)];
      changes.push({ label: "toxicity", before, after, better: "lower" });
    }
    return { seed, rows: await readMetrics(join(output, "metrics.jsonl")), changes, seconds };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * Means of statistics over equal parts of some runs' steps.
 *
 * @param count maximum number of parts
 * @returns first and last step of each part, and the mean of each statistic; NaN where no step has it
 */
export function curveOf(
  runs: readonly (readonly Readonly<Record<string, unknown>>[])[],
  metrics: readonly string[],
  count: number,
): { from: number; to: number; means: number[] }[] {
  const steps = Math.max(...runs.map(({ length }) => length));
  const parts = Math.min(count, steps);
  return Array.from({ length: parts }, (_, part) => {
    const [from, to] = [part, part + 1].map((i) => Math.round(i * steps / parts));
    const rows = runs.flatMap((rows) => rows.slice(from, to));
    const means = metrics.map((metric) => {
      const values = rows.map((row) => row[metric]).filter((value) => typeof value === "number");
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    });
    return { from: from + 1, to, means };
  });
}

/** A table in Markdown. */
function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |\n`).join(
    "",
  );
}

function report(name: string, { metrics }: Curve, results: readonly SeedResult[]): string {
  const labels = results[0].changes.map(({ label }) => label);
  const seeds = results.map(({ seed, changes, seconds }) => [
    String(seed),
    ...changes.map(({ before, after }) => `${before.toFixed(3)} → ${after.toFixed(3)}`),
    seconds.user.toFixed(0),
    seconds.wall.toFixed(0),
  ]);
  const curve = curveOf(results.map(({ rows }) => rows), metrics, ROWS);
  const rows = curve.map(({ from, to, means }) => [
    from === to ? String(from) : `${from}–${to}`,
    ...means.map((mean) => mean.toFixed(3)),
  ]);
  return `### ${name}\n\n${markdown(["seed", ...labels, "user s", "wall s"], seeds)}\n${
    markdown(["steps", ...metrics.map((metric) => `\`${metric}\``)], rows)
  }`;
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    allowPositionals: true,
    options: {
      seeds: { type: "string", default: "0" },
      device: { type: "string", default: "wasm" },
      threads: { type: "string", default: "1" },
    },
  });
  const seeds = values.seeds.split(",").map(Number);
  const device = { device: values.device, threads: Number(values.threads) };
  for (const name of positionals.length > 0 ? positionals : Object.keys(CURVES)) {
    const curve = CURVES[name];
    if (!curve) throw new Error(`no curve ${name}: expected ${Object.keys(CURVES).join(", ")}`);
    const results: SeedResult[] = [];
    for (const seed of seeds) results.push(await train(curve, seed, device));
    console.log(report(name, curve, results));
  }
}
