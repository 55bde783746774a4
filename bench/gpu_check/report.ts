/** Results of `gpu-check`: one JSON file, written anew whenever there is more to tell. */
import type { Check } from "../../lib/doctor/check.ts";
import type { PPOBenchResult } from "../ppo.ts";
import type { ReadbackBenchResult } from "../readback.ts";
import type { DecodingRow } from "./decoding.ts";
import type { Facts } from "./facts.ts";
import type { ProductRow } from "./products.ts";
import type { DecodingProfile } from "./profile.ts";
import { type StageName, STAGES } from "./stages.ts";
import type { TestFile } from "./test_files.ts";
import type { Tuning } from "./tuning.ts";

/** Version of the file's form. */
export const FORMAT = 1;

/** Seconds of the parts of a PPO step. */
export type StepSeconds = Omit<PPOBenchResult["seconds"], "load">;

/** A PPO step: steps one by one until the benchmark is through, then its result. */
export interface StepResult {
  /** Steps so far, the first of which compiles the kernels. */
  readonly steps: readonly StepSeconds[];
  readonly bench: PPOBenchResult | null;
}

/** Result of each stage. */
export interface StageResults {
  "facts": Facts;
  "self-test": readonly Check[];
  "tuning": Tuning;
  "kernels": readonly TestFile[];
  "decoding": readonly DecodingRow[];
  "products": readonly ProductRow[];
  "ppo bf16": StepResult;
  "readback": ReadbackBenchResult;
  "profile": DecodingProfile;
  "golden": readonly TestFile[];
  "permuted": readonly TestFile[];
  "verify": readonly Check[];
  "ppo f32": StepResult;
}

/**
 * End of a stage: `cut short` where the time ran out, with what there was by then; `failed` where
 * something is wrong, a crash included.
 */
export type StageState = "waiting" | "running" | "done" | "cut short" | "failed" | "skipped";

/** A stage. */
export interface StageReport<Result> {
  readonly state: StageState;
  /** Time that it took, and that it had, in seconds. */
  readonly seconds: number;
  readonly limit: number;
  /** Reason of a failure or a skip. */
  readonly note: string | null;
  readonly result: Result | null;
}

/** Every stage's report. */
export type Stages = { readonly [Name in StageName]: StageReport<StageResults[Name]> };

/** The file. */
export interface GpuReport {
  readonly format: number;
  /** Version and commit of Temper. */
  readonly temper: string;
  /** Time of the start, and the time that it had. */
  readonly started: string;
  readonly minutes: number;
  /** Seconds so far. */
  readonly seconds: number;
  /** False while it runs, and where it was ended before all stages had their turn. */
  readonly ended: boolean;
  /** Environment variables that were needed for the adapter to be found. */
  readonly environment: Readonly<Record<string, string>>;
  /** Stated f32 peak of the card in TFLOPS, and who states it. */
  readonly peak: { readonly tflops: number; readonly source: "user" | "table" } | null;
  readonly stages: Stages;
}

/** Faults of a report: nothing is wrong where there are none. */
export function faultsOf({ stages }: Pick<GpuReport, "stages">): string[] {
  const faults: string[] = [];
  const { facts, kernels, golden, permuted } = stages;
  if (!facts.result?.machine.adapter) faults.push("there is no WebGPU adapter");
  for (const { name, kind } of STAGES) {
    const { state, note } = stages[name];
    // Of tests, each that failed is named below.
    if (state === "failed" && kind !== "tests") faults.push(`${name}: ${note}`);
  }
  for (const { result } of [kernels, golden, permuted]) {
    for (const { file, failed, crash } of result ?? []) {
      faults.push(...failed.map((test) => `${file}: ${test.name}`));
      if (crash !== null) faults.push(`${file}: ${crash}`);
    }
  }
  const checks = [...stages["self-test"].result ?? [], ...stages.verify.result ?? []];
  for (const { device, name, passed, detail } of checks) {
    if (!passed) faults.push(`${device} ${name}: ${detail}`);
  }
  return faults;
}
