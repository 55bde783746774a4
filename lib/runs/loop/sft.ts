import type { SFTStats } from "../../sft/sft_trainer.ts";
import type { RunDirectory } from "../folder/run_directory.ts";
import { sft as kind } from "../kinds/sft/kind.ts";
import type { SftMeasurement } from "../kinds/sft/measurement.ts";
import type { SftSummary } from "../kinds/sft/summary.ts";
import type { SftRunConfig } from "../settings/sft_config.ts";
import { run, type RunHooks, type RunOptions } from "./run.ts";

/** Listeners for the progress of a run of supervised fine-tuning. */
export type SftHooks = RunHooks<SFTStats, SftMeasurement>;

/** Results of a run of supervised fine-tuning. */
export interface SftResult {
  /** Paths of the run's files. */
  directory: RunDirectory;
  /** Folder of the adapter or the model that was trained. */
  trained: string;
  /** Content of `summary.json`. */
  summary: SftSummary;
}

/**
 * A whole run of supervised fine-tuning on a dataset's summaries: measures loss and ROUGE, trains an
 * adapter or all weights, measures again and leaves the results in the run's folder. Until everything
 * is loaded nothing is written. Killed at any moment, it can be resumed, and ends as if nothing had
 * happened, bit for bit.
 *
 * @throws {UserError} when an input is not usable, a file cannot be written or training diverges
 * @throws {RunInterruptedError} when the signal aborted
 */
export async function sft(
  config: SftRunConfig,
  hooks: SftHooks = {},
  options: RunOptions = {},
): Promise<SftResult> {
  const { directory, trained, summary } = await run(kind, config, hooks, options);
  return { directory, trained, summary };
}
