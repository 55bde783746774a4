import { join } from "node:path";
import {
  resolveTrainConfig,
  type TrainConfig,
  type TrainConfigInput,
} from "../../lib/runs/settings/config.ts";
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

/** All that a run leaves which may not depend on whether it was interrupted, by file. */
export async function outcome(run: string): Promise<Record<string, unknown>> {
  const { steps } = JSON.parse(await Deno.readTextFile(join(run, "config.json")));
  const result: Record<string, unknown> = {};
  const files = ["samples.jsonl", "comparison.csv", "toxicity_before.json"];
  for (const folder of ["adapter", `checkpoint-${steps}`]) {
    for (const { name } of Deno.readDirSync(join(run, folder))) files.push(join(folder, name));
  }
  for (const name of files) result[name] = await Deno.readTextFile(join(run, name));
  const state = JSON.parse(
    await Deno.readTextFile(join(run, `checkpoint-${steps}/trainer_state.json`)),
  );
  result[`checkpoint-${steps}/trainer_state.json`] = { ...state, seconds: 0 };
  const summary = JSON.parse(await Deno.readTextFile(join(run, "summary.json")));
  result["summary.json"] = { ...summary, seconds: 0 };
  const metrics = await readRows<Record<string, unknown>>(join(run, "metrics.jsonl"));
  result["metrics.jsonl"] = metrics.map((row) =>
    Object.fromEntries(Object.entries(row).filter(([name]) => !name.startsWith("time/")))
  );
  return result;
}
