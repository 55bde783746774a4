/** The report for people: a line or a few for each stage. */
import type { Check } from "../../lib/doctor/check.ts";
import { visibleLine } from "../../lib/visible_text.ts";
import type { GpuReport, StageResults, StepResult } from "./report.ts";
import { type StageName, STAGES } from "./stages.ts";
import type { TestFile } from "./test_files.ts";

const DESCRIBE: { [Name in StageName]: (result: StageResults[Name], report: GpuReport) => string } =
  {
    "facts": ({ machine, nvidia }) =>
      `${machine.adapter?.description ?? "no adapter"}${nvidia ? `, ${nvidia}` : ""}`,
    "self-test": describeChecks,
    "tuning": ({ choices, usesSubgroups, seconds }) =>
      Object.keys(choices).length === 0
        ? "not on software adapters"
        : `${Object.keys(choices).length} classes in ${seconds.toFixed(1)} s, ` +
          `${usesSubgroups ? "with" : "without"} subgroups`,
    "kernels": describeTests,
    "decoding": (rows) =>
      rows.map(({ shape, dtype, rows, prompt, tokens, tokensPerSecond }) =>
        `${shape} ${dtype}, ${rows} x (${prompt} + ${tokens}): ${
          tokensPerSecond.toFixed(0)
        } tokens/s`
      ).join("; "),
    "products": (rows, { peak }) => {
      const side = rows.find(({ of, dtype }) => of === "square" && dtype === "f32");
      const best = side && Math.max(...Object.values(side.gflops));
      const share = best && peak ? `, ${(best / peak.tflops / 10).toFixed(0)} % of the peak` : "";
      return `${rows.length} products` + (best ? `; 1024³ ${best.toFixed(0)} GFLOPS${share}` : "");
    },
    "ppo bf16": describeStep,
    "readback": ({ ways }) =>
      ways.map(({ immediate, milliseconds }) =>
        `${milliseconds[4].toFixed(2)} ms ${immediate ? "not " : ""}awaited`
      ).join(", "),
    "profile": ({ secondsPerStep, launchesPerStep, kernels }) =>
      `a step of ${launchesPerStep.toFixed(0)} launches, ${
        (secondsPerStep * 1000).toFixed(2)
      } ms in ` +
      `kernels, most in ${kernels[0]?.kernel}`,
    "golden": describeTests,
    "permuted": describeTests,
    "verify": describeChecks,
    "ppo f32": describeStep,
  };

/** Line of a stage that has ended. */
export function describeStage(report: GpuReport, name: StageName): string {
  const { state, seconds, note, result } = report.stages[name];
  const { title } = STAGES.find((stage) => stage.name === name)!;
  const describe = DESCRIBE[name] as (result: unknown, report: GpuReport) => string;
  const parts = [
    result === null ? "" : describe(result, report),
    state === "done" ? "" : note ?? "",
  ];
  const text = parts.filter(Boolean).join("; ");
  return visibleLine(
    `${state.padEnd(9)}  ${title.padEnd(20)} ${seconds.toFixed(1).padStart(6)} s  ${text}`,
  );
}

/** Line for a machine without an adapter; null where there is one. */
export function noAdapter({ stages: { facts } }: GpuReport): string | null {
  if (!facts.result || facts.result.machine.adapter) return null;
  const { loader, drivers } = facts.result;
  const needs = [
    loader === null
      ? "Vulkan loader (libvulkan1 on Debian and Ubuntu, vulkan-loader on Fedora and RHEL)"
      : "",
    drivers.length === 0
      ? "Vulkan driver (NVIDIA: libnvidia-gl-<version>; AMD, Intel: mesa-vulkan-drivers)"
      : "",
  ].filter(Boolean);
  if (needs.length > 0) return `there is no ${needs.join(" and no ")}: only the CPU is tested`;
  return `there are a Vulkan loader and drivers (${drivers.join(", ")}), but none finds a GPU ` +
    `(${facts.note ?? "they do not say why"}); only the CPU is tested`;
}

function describeTests(files: readonly TestFile[]): string {
  const sum = (count: (file: TestFile) => number) =>
    files.reduce((total, file) => total + count(file), 0);
  const failed = sum((file) => file.failed.length + (file.crash === null ? 0 : 1));
  return `${sum((file) => file.passed)} passed, ${failed} failed, ${files.length} files`;
}

function describeChecks(checks: readonly Pick<Check, "passed">[]): string {
  return `${checks.filter(({ passed }) => passed).length} of ${checks.length} hold`;
}

function describeStep({ steps, bench }: StepResult): string {
  const seconds = bench?.seconds ?? steps.at(-1);
  if (!seconds) return "no step";
  const { generate, score, optimise, step } = seconds;
  const parts = [generate, score, optimise].map((part) => part.toFixed(2)).join(" + ");
  return `${step.toFixed(2)} s (generate, score, optimise: ${parts})${bench ? "" : ", warming up"}`;
}
