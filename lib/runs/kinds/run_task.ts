import type { Device } from "../../device/device.ts";
import type { ComparisonRow } from "../../evaluation/compare.ts";
import type { Checkpointed } from "../folder/checkpoint.ts";
import type { DatasetHooks } from "../loading/dataset.ts";
import type { RolloutFleet } from "./fleet/rollout_fleet.ts";

/** Surroundings in which a kind of run loads its task. */
export interface RunContext<Config> {
  /** Settings, resolved. */
  readonly config: Config;
  /** Device that computes. */
  readonly device: Device;
  /** Listeners for lines about what was loaded, and for downloads. */
  readonly hooks: DatasetHooks;
  /** Closes what is put into it when the run cannot start; a task that is open closes it itself. */
  readonly loading: AsyncDisposableStack;
  /** Machines that respond to prompts in the trainer's place; absent for none. */
  readonly fleet?: RolloutFleet;
}

/** Surroundings in which a kind of run loads a policy that generates. */
export type GeneratorContext<Config> = Pick<RunContext<Config>, "config" | "device" | "hooks">;

/**
 * A run of some kind, loaded: what the run loop trains, measures, saves and concludes. The loop does
 * the rest: the lock, `metrics.jsonl` and `samples.jsonl`, checkpoints, resuming, interruptions.
 *
 * All that is random in a step comes from the step's number and the seed, from `position` or from the
 * trainer's state: a run that is resumed then ends bit for bit as one that was not interrupted.
 * Disposing of it frees what is not on the device.
 */
export interface RunTask<
  Stats = unknown,
  Measurement = unknown,
  Summary extends object = object,
  Batch = unknown,
> extends Checkpointed, AsyncDisposable {
  /** Steps of the whole run. */
  readonly steps: number;
  /** Paths of what was loaded, by the names that messages use: a resumed run needs the same content. */
  readonly sources: Readonly<Record<string, string>>;
  /**
   * Position in the data, as a JSON value; set it to go on from there.
   *
   * @throws {UserError} when it is set to something else
   */
  position: unknown;
  /** Guard against divergence; null where an error in a step ends the run. */
  readonly guard: DivergenceGuard | null;
  /** File in the run's folder that keeps the measurement before training. */
  readonly beforeFile: string;
  /** Folder in the run's folder for what was trained. */
  readonly trainedFolder: "adapter" | "model";

  /**
   * Draws, generates or reads what a step learns from.
   *
   * @param step number of the step, from 1
   */
  collect(step: number): Promise<Batch>;
  /**
   * Makes one step.
   *
   * @throws {TrainingDivergedError} when it went wrong
   */
  step(batch: Batch, step: number): Promise<StepReport<Stats>>;

  /** Measures the model as it is. @throws the signal's reason when it aborts */
  measure(signal?: AbortSignal): Promise<Measurement>;
  /** Checks a measurement from a file; null for a broken one, or one on other data. */
  parseMeasurement(json: unknown): Measurement | null;
  /** Describes a measurement for people, in one line. */
  describe(when: "before" | "after", measurement: Measurement): string;

  /** Writes what was trained, in the format that the settings ask for. @throws {UserError} */
  saveTrained(folder: string): Promise<void>;
  /** Concludes a run whose steps are done. @throws {UserError} */
  conclude(
    before: Measurement,
    after: Measurement,
    run: FinishedSteps,
  ): Promise<Conclusion<Summary>>;
}

/** A run whose steps are done. */
export interface FinishedSteps {
  /** Run's folder. */
  readonly folder: string;
  /** Seconds of the run so far, those of earlier processes included. */
  elapsed(): number;
}

/** Results of one step. */
export interface StepReport<Stats> {
  /** Statistics, for listeners. */
  stats: Stats;
  /** Row of `metrics.jsonl`, without the step's number. */
  metrics: Record<string, number | readonly number[]>;
  /** Rows of `samples.jsonl`, without the step's number. */
  samples: readonly object[];
  /** Number that is largest for the best checkpoint; null where there is no best one. */
  score: number | null;
  /**
   * Number that is largest for the best of the models that were measured on the way, where this
   * step was followed by a measurement: what was trained is then kept in `best/`.
   */
  measured?: number;
}

/** Guard of a kind whose steps can be taken back. */
export interface DivergenceGuard {
  /** Consequence of a step that went wrong. */
  readonly onDivergence: "stop" | "skip";
  /** Rows that describe the batch of the last step, as far as it was collected. */
  batchRows(): readonly object[];
}

/** Results of a run. */
export interface Conclusion<Summary extends object> {
  /** Content of `summary.json`. */
  summary: Summary;
  /** Further files, by their paths in the run's folder. */
  files: Readonly<Record<string, string>>;
  /** The same prompts before and after training; empty for kinds that do not compare. */
  comparison: ComparisonRow[];
}
