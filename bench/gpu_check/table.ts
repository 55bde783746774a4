/** Table of the cards that `gpu-check` has seen, in Markdown. */
import type { DecodingRow } from "./decoding.ts";
import type { ProductRow } from "./products.ts";
import type { GpuReport, StageReport, StepResult } from "./report.ts";
import type { TestFile } from "./test_files.ts";

const NONE = "—";

/** Columns of the table. */
const COLUMNS: readonly (readonly [header: string, cell: (report: GpuReport) => string])[] = [
  ["card", card],
  ["kernel tests", ({ stages }) => tests(stages.kernels)],
  ["permuted", ({ stages }) => tests(stages.permuted)],
  ["golden cases", ({ stages }) => tests(stages.golden)],
  [
    "self-test, `verify`",
    ({ stages }) => `${checks(stages["self-test"])}, ${checks(stages.verify)}`,
  ],
  ["products", products],
  ["decoding", decoding],
  ["PPO step", ({ stages }) => `${step(stages["ppo bf16"])} / ${step(stages["ppo f32"])}`],
  ["readback", ({ stages }) => readback(stages.readback)],
  ["checked", ({ started, temper }) => `${started.slice(0, 10)}, ${temper}`],
];

/** The table, and above it what it leaves open. */
export function cardTable(reports: readonly GpuReport[]): string {
  const hardware = reports.filter((report) => !isSoftware(report));
  const state = hardware.length === 0
    ? "**No hardware GPU has been checked yet.** All kernels have run on software adapters alone, " +
      "which say nothing about speed, and nothing about another driver's compiler."
    : "Cards that are not in this table have not been checked.";
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rows = [...hardware, ...reports.filter(isSoftware)];
  return [
    state,
    "",
    line(COLUMNS.map(([header]) => header)),
    line(COLUMNS.map(() => "---")),
    ...rows.map((report) => line(COLUMNS.map(([, cell]) => cell(report).replaceAll("|", "\\|")))),
  ].join("\n");
}

function isSoftware({ stages }: GpuReport): boolean {
  return stages.facts.result?.machine.adapter?.software ?? true;
}

function card({ stages: { facts } }: GpuReport): string {
  const adapter = facts.result?.machine.adapter;
  if (!facts.result || !adapter) return "none";
  const name = adapter.description.replace(/^WebGPU, /, "");
  const driver = facts.result.nvidia?.split(", ")[1];
  return `${name}${driver ? `, driver ${driver}` : ""}, Deno ${facts.result.machine.deno}`;
}

function tests({ state, result }: StageReport<readonly TestFile[]>): string {
  if (!result || result.length === 0) return "not run";
  const passed = result.reduce((sum, file) => sum + file.passed, 0);
  const failed = result.reduce((sum, { failed, crash }) => {
    return sum + failed.length + (crash === null ? 0 : 1);
  }, 0);
  if (failed > 0) return `**${failed} failed**, ${passed} passed`;
  return state === "done" ? `all ${passed} passed` : `${passed} passed, the others not run`;
}

function checks({ state, result }: StageReport<readonly { readonly passed: boolean }[]>): string {
  if (!result || result.length === 0) return "not run";
  const passed = result.filter((check) => check.passed).length;
  if (passed < result.length) return `**${result.length - passed} failed**`;
  return state === "done" ? `all ${passed}` : `${passed}, the others not run`;
}

/** Speed of the chosen variants: of the square, and the median of flan-t5-base's in training. */
function products(report: GpuReport): string {
  const { peak, stages } = report;
  const rows = isSoftware(report) ? [] : stages.products.result ?? [];
  const f32 = rows.filter(({ dtype, product }) => dtype === "f32" && product === "x·Wᵀ");
  const speeds = (of: (row: ProductRow) => boolean) =>
    f32.filter(of).map(({ gflops, chosen }) => gflops[chosen]).filter((speed) => speed > 0)
      .sort((a, b) => a - b);
  const square = speeds(({ of }) => of === "square");
  const layers = speeds(({ of, m, n }) => of === "flan-t5-base" && m > 64 && n > 64);
  const speed = ([...all]: number[]) => {
    const median = all[all.length >> 1];
    if (median === undefined) return NONE;
    const share = peak ? ` (${Math.round(median / peak.tflops / 10)} %)` : "";
    return `${(median / 1000).toFixed(1)} TFLOPS${share}`;
  };
  return `${speed(square)}, ${speed(layers)}`;
}

function decoding({ stages }: GpuReport): string {
  const speed = (of: (row: DecodingRow) => boolean) => {
    const row = stages.decoding.result?.find((row) =>
      row.shape === "base" && row.dtype === "bf16" && of(row)
    );
    return row ? row.tokensPerSecond.toFixed(0) : NONE;
  };
  return `${speed(({ rows }) => rows === 1)} / ${speed(({ rows }) => rows > 1)}`;
}

function step({ result }: StageReport<StepResult>): string {
  const { bench } = result ?? {};
  return bench?.shape === "base" ? `${bench.seconds.step.toFixed(2)} s` : NONE;
}

/** Cost of a small read, in the way that is used on this machine. */
function readback({ result }: GpuReport["stages"]["readback"]): string {
  const way = result?.ways.at(-1);
  return way ? `${way.milliseconds[4].toFixed(2)} ms` : NONE;
}
