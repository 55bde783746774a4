import { isThere } from "../../platform/files.ts";
import { join, resolve } from "../../platform/paths.ts";
import type { z } from "../../packages/zod.ts";
import { UserError } from "../../errors.ts";
import { readSessions } from "../folder/environment.ts";
import { checkRunFolder, isRunFolder, runDirectory } from "../folder/run_directory.ts";
import { readConfigFile } from "../settings/config_file.ts";
import { kindOf } from "./registry.ts";
import type { RunKind, RunSettings } from "./run_kind.ts";

/** A run's kind, and its settings as `config.json` has them. */
export interface StoredConfig {
  /** Kind of the run. */
  kind: RunKind;
  /** Settings in the file, without defaults. */
  settings: Record<string, unknown>;
}

/**
 * Reads the kind and the settings of a run from its `config.json`.
 *
 * @throws {UserError} when the folder is not that of a run, or of a kind that is not known
 */
export async function readRunConfig(run: string): Promise<StoredConfig> {
  await checkRunFolder(run);
  const { config } = runDirectory(run);
  let kind: RunKind | null = null;
  const settings = await readConfigFile(config, (found) => {
    kind = kindOfFile(config, found);
    return kind.schema;
  }).catch(async (error) => {
    if (!(error instanceof UserError) || await isRunFolder(run)) throw error;
    throw new UserError(`${run} is not the folder of a run: ${error.message}`, { cause: error });
  });
  return { kind: kind!, settings };
}

function kindOfFile(path: string, settings: object): RunKind {
  try {
    return kindOf(settings);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${path}: ${error.message}`, { cause: error });
  }
}

/** Settings that may name another place on resuming: fingerprints tell that the same is there. */
const MOVABLE = ["model", "dataset"] as const;

/** A run to go on with. */
export interface ResumedRun {
  /** Kind of the run. */
  kind: RunKind;
  /** Its settings, resolved, with those given that may change. */
  config: RunSettings;
}

/**
 * Reads the settings to go on with a run: its own, and those given that may change. The model and the
 * dataset may have moved; that they are the same is checked once they are loaded.
 *
 * @param run the run's folder
 * @param given settings above the run's own
 * @throws {UserError} when the folder is not that of a run, or naming the settings given that differ
 *   from the run's and may not
 */
export async function resumeRun(run: string, given: object): Promise<ResumedRun> {
  const { kind, settings: own } = await readRunConfig(run);
  const stored = { ...kind.resolve(own) } as Record<string, unknown>;
  const { output = run, ...settings } = given as Record<string, unknown>;
  const mayChange = [...kind.mayChange, ...await movable(run)];
  const refused = Object.entries(settings).flatMap(([name, value]) => {
    const [was, is] = [stored[name], value].map((setting) => JSON.stringify(setting));
    return mayChange.includes(name) || was === is ? [] : [`\`${name}\` (${was}, not ${is})`];
  });
  if (typeof output !== "string" || resolve(output) !== resolve(run)) {
    refused.push(`\`output\` (${run})`);
  }
  if (refused.length > 0) {
    throw new UserError(
      `a run is resumed with its own settings; these differ: ${refused.join(", ")}: leave them ` +
        `out, or start a new run with the settings in ${run}/config.json`,
    );
  }
  if (Array.isArray(stored.reward)) checkPageRewards(run, stored.reward);
  return { kind, config: kind.resolve({ ...stored, ...settings, output: run }) };
}

/**
 * Folder of the rewards that a page computes, in the page's files. It is relative: with a run's rewards
 * in a folder of this name, the run can be resumed on a disk.
 */
export const PAGE_REWARDS = "./rewards";

/**
 * Checks that the rewards which were written in a page are here: a run of a page has them in its folder.
 *
 * @throws {UserError} naming the one that is missing, and the run's copy of it
 */
function checkPageRewards(run: string, rewards: readonly string[]): void {
  for (const reward of rewards) {
    const copy = join(run, reward);
    if (!reward.startsWith(`${PAGE_REWARDS}/`) || isThere(reward) || !isThere(copy)) continue;
    throw new UserError(
      `there is no ${reward}, a reward that was written in a page: copy it from ${copy}, then resume`,
    );
  }
}

/** Settings of a run whose files may have moved: without a fingerprint others would not be told apart. */
async function movable(run: string): Promise<string[]> {
  const [first] = await readSessions(runDirectory(run).environment, () => {});
  return MOVABLE.filter((name) => first?.fingerprints[name] !== undefined);
}

/**
 * Reads the settings of a run that runs of another kind have as well, without defaults: those of the
 * model, the data and what else both kinds share.
 *
 * @throws {UserError} when the folder is not that of a run
 */
export async function readSharedSettings<Shape extends z.ZodRawShape>(
  run: string,
  schema: z.ZodObject<Shape>,
): Promise<Partial<z.output<z.ZodObject<Shape>>>> {
  const { settings } = await readRunConfig(run);
  const shared = Object.entries(schema.shape).filter(([name, field]) =>
    name in settings && (field as z.ZodType).safeParse(settings[name]).success
  );
  return Object.fromEntries(shared.map(([name]) => [name, settings[name]])) as Partial<
    z.output<z.ZodObject<Shape>>
  >;
}
