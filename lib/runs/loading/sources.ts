import type { DownloadHooks } from "../../hub/download.ts";
import { isThere } from "../../platform/files.ts";
import { join } from "../../platform/paths.ts";
import { locate } from "./locate.ts";
import { locateReward } from "./rewards.ts";

/** Settings that name what a run is made from. */
interface SourceSettings {
  readonly model: string;
  readonly adapter: string | null;
  readonly dataset: string;
}

/** Paths of what a run is made from, by the names of the settings. */
export interface SourcePaths {
  readonly model: string;
  /** Adapter to start from; absent for a new one. */
  readonly adapter?: string;
  readonly dataset: string;
}

/**
 * Finds the model, the adapter and the dataset of a run.
 *
 * @throws {UserError} as {@linkcode locate}
 */
export async function locateSources(
  { model, adapter, dataset }: SourceSettings,
  hooks: DownloadHooks,
): Promise<SourcePaths> {
  return {
    model: await locate("model", model, hooks),
    ...(adapter === null ? {} : { adapter: await locate("model", adapter, hooks) }),
    dataset: await locate("dataset", dataset, hooks),
  };
}

/**
 * Names the file with a chat template, for the fingerprints of a run: the one that the settings name,
 * else the model's. None where the model has it in tokenizer_config.json, or not at all.
 *
 * @param model folder of the model
 */
export function templateSource(
  model: string,
  { chatTemplate }: { readonly chatTemplate: string | null },
): Record<string, string> {
  const file = chatTemplate ?? join(model, "chat_template.jinja");
  return chatTemplate !== null || isThere(file) ? { "chat template": file } : {};
}

/**
 * Names the files of rewards, for the fingerprints of a run; those that need none are left out.
 *
 * @throws {UserError} when one is not there
 */
export async function rewardSources(
  rewards: readonly string[],
  hooks: DownloadHooks,
): Promise<Record<string, string>> {
  const sources: Record<string, string> = {};
  for (const name of rewards) {
    const path = await locateReward(name, hooks);
    if (path !== null) sources[`reward ${name}`] = path;
  }
  return sources;
}
