import { join } from "node:path";
import {
  resolveTrainConfig,
  type TrainConfig,
  type TrainConfigInput,
} from "../../lib/runs/settings/config.ts";
import {
  resolveSftConfig,
  type SftRunConfig,
  type SftRunConfigInput,
} from "../../lib/runs/settings/sft_config.ts";
import type { resolveGrpoRunConfig } from "../../lib/runs/settings/group_config.ts";
import type { resolveDpoRunConfig } from "../../lib/runs/settings/preference_config.ts";
import { readRows } from "../../lib/runs/folder/jsonl.ts";

/** Settings of a run that takes a second, and in which everything that is random is on. */
export const SMALL: TrainConfigInput = {
  steps: 4,
  saveEvery: 2,
  batchSize: 2,
  miniBatchSize: 1,
  ppoEpochs: 2,
  shuffleMinibatches: true,
  policyDropout: true,
  outputMinLength: 4,
  outputMaxLength: 8,
  evalSamples: 2,
  evalMaxNewTokens: 6,
  device: "wasm",
  threads: 1,
  datasetCache: false,
};

/** The settings of a small run in a folder. */
export function smallRun(output: string, settings: TrainConfigInput = {}): TrainConfig {
  return resolveTrainConfig({ ...SMALL, output, ...settings });
}

/** The settings of a small run of supervised fine-tuning in a folder. */
export function smallSft(output: string, settings: SftRunConfigInput = {}): SftRunConfig {
  return resolveSftConfig({
    steps: 4,
    saveEvery: 2,
    batchSize: 2,
    gradientAccumulationSteps: 2,
    evalEvery: 3,
    evalSamples: 2,
    evalMaxNewTokens: 6,
    device: "wasm",
    threads: 1,
    datasetCache: false,
    output,
    ...settings,
  });
}

/** Settings of a small run of GRPO or RLOO in a folder. */
export function smallGroup(output: string, settings: GrpoInput = {}): GrpoInput {
  return {
    model: "demo/tiny-flan-t5",
    steps: 4,
    saveEvery: 2,
    batchSize: 4,
    numGenerations: 2,
    miniBatchSize: 2,
    gradientAccumulationSteps: 1,
    numIterations: 2,
    maxCompletionLength: 6,
    evalEvery: 2,
    evalSamples: 2,
    device: "wasm",
    threads: 1,
    datasetCache: false,
    output,
    ...settings,
  };
}

/** Settings of a small run of DPO, ORPO or KTO in a folder. */
export function smallPreference(output: string, settings: DpoInput = {}): DpoInput {
  return {
    steps: 4,
    saveEvery: 2,
    batchSize: 2,
    gradientAccumulationSteps: 2,
    evalEvery: 2,
    evalSamples: 4,
    evalPrompts: 2,
    evalMaxNewTokens: 6,
    device: "wasm",
    threads: 1,
    datasetCache: false,
    output,
    ...settings,
  };
}

type DpoInput = NonNullable<Parameters<typeof resolveDpoRunConfig>[0]>;
type GrpoInput = NonNullable<Parameters<typeof resolveGrpoRunConfig>[0]>;

/** Files that differ between runs with the same outcome. */
const OF_A_PROCESS = ["log.txt", "environment.json", "config.json"];

/** All that a run leaves which may not depend on whether it was interrupted, by file. */
export async function outcome(run: string): Promise<Record<string, unknown>> {
  const entries = [...Deno.readDirSync(run)];
  const last = Math.max(
    ...entries.map(({ name }) => Number(name.match(/^checkpoint-(\d+)$/)?.[1] ?? 0)),
  );
  const result: Record<string, unknown> = {};
  for (const { name, isFile } of entries) {
    if (isFile && !OF_A_PROCESS.includes(name) && !name.startsWith("diverged-")) {
      result[name] = await Deno.readTextFile(join(run, name));
    }
    if (!["adapter", "model", `checkpoint-${last}`].includes(name)) continue;
    for (const file of Deno.readDirSync(join(run, name))) {
      result[`${name}/${file.name}`] = await Deno.readTextFile(join(run, name, file.name));
    }
  }
  const withoutTime = (name: string) => {
    const json = JSON.parse(result[name] as string);
    // Where the run is says nothing about how it went.
    result[name] = { ...json, seconds: 0, output: "", trained: "" };
  };
  withoutTime(`checkpoint-${last}/trainer_state.json`);
  withoutTime("summary.json");
  const metrics = await readRows<Record<string, unknown>>(join(run, "metrics.jsonl"));
  result["metrics.jsonl"] = metrics.map((row) =>
    Object.fromEntries(Object.entries(row).filter(([name]) => !name.startsWith("time/")))
  );
  return result;
}
