import { UserError } from "../../errors.ts";
import type { ComparisonRow } from "../../evaluation/compare.ts";
import type { PolicyToxicity } from "../../evaluation/evaluate_policy.ts";
import type { PPOStats } from "../../rl/statistics.ts";
import type { RunDirectory } from "../folder/run_directory.ts";
import { ppo } from "../kinds/ppo/kind.ts";
import type { Summary } from "../kinds/ppo/summary.ts";
import { resumeRun } from "../kinds/run_config.ts";
import type { TrainConfig, TrainConfigInput } from "../settings/config.ts";
import { run, type RunHooks, type RunOptions } from "./run.ts";

/** Listeners for the progress of a PPO run. */
export type TrainHooks = RunHooks<PPOStats, PolicyToxicity>;

/** Start of a PPO run. */
export type TrainOptions = RunOptions;

/** Results of a PPO run. */
export interface TrainResult {
  /** Paths of the run's files. */
  directory: RunDirectory;
  /** Content of `summary.json`. */
  summary: Summary;
  /** The measured prompts before and after, the largest gain in reward first. */
  comparison: ComparisonRow[];
}

/**
 * A whole PPO run: loads everything, measures the toxicity, trains, measures again and leaves the
 * results in the run's folder. Until everything is loaded nothing is written. Killed at any moment,
 * it can be resumed, and ends as if nothing had happened, bit for bit.
 *
 * @throws {UserError} when an input is not usable, a file cannot be written or training diverges;
 *   then the last good checkpoint is kept
 * @throws {RunInterruptedError} when the signal aborted
 */
export async function train(
  config: TrainConfig,
  hooks: TrainHooks = {},
  options: TrainOptions = {},
): Promise<TrainResult> {
  return await run(ppo, config, hooks, options);
}

/**
 * Reads the settings to go on with a PPO run: its own, and those given that may change.
 *
 * @param run the run's folder
 * @param given settings above the run's own
 * @throws {UserError} when the folder is not that of a PPO run, or naming the settings given that
 *   differ from the run's and may not
 */
export async function resumeConfig(run: string, given: TrainConfigInput): Promise<TrainConfig> {
  const { kind, config } = await resumeRun(run, given);
  if (kind === ppo) return config as TrainConfig;
  throw new UserError(`${run} is a run of the kind ${kind.kind}: expected ${ppo.kind}`);
}
