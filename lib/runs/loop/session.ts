import { join } from "../../platform/paths.ts";
import { writeFolderAtomic } from "../../platform/atomic_folder.ts";
import { TrainerSnapshot } from "../../training/trainer_snapshot.ts";
import {
  type Checkpoint,
  type CheckpointState,
  listCheckpoints,
  pruneCheckpoints,
  removeCheckpoints,
  restoreCheckpoint,
  saveCheckpoint,
} from "../folder/checkpoint.ts";
import { writeTrainedFolder } from "../folder/trained_folder.ts";
import type { RunTask } from "../kinds/run_task.ts";

/** Part of a task that a session saves and restores. */
export type SessionTask = Pick<
  RunTask,
  "trainer" | "writeTrained" | "readTrained" | "saveTrained" | "position" | "guard"
>;

/** Folders and settings of a session. */
export interface SessionOptions {
  /** Run's folder. */
  run: string;
  /** Folder for what was trained. */
  trained: string;
  /** Number of latest checkpoints to keep. */
  keep: number;
}

/** Folder in a run's folder for what measured best on its way. */
export const BEST_FOLDER = "best";

/** A state to go back to. */
interface Retained {
  /** State for a checkpoint. */
  state: CheckpointState;
  /** Copy of the trainer; null where steps are not taken back, for it takes memory. */
  snapshot: TrainerSnapshot | null;
}

/** Progress of a run, and how it is saved, restored and taken back. */
export class TrainingSession {
  /** Steps done, those that were skipped included. */
  step = 0;
  /** Steps in a row that were skipped. */
  skipped = 0;
  readonly #task: SessionTask;
  readonly #options: SessionOptions;
  #window = { sum: 0, count: 0 };
  #best: CheckpointState["best"] = null;
  #bestMeasured: NonNullable<CheckpointState["bestMeasured"]> | null = null;
  #secondsBefore = 0;
  /** Step after which this session started. */
  #resumedAfter = 0;
  /** Steps of the checkpoints that this session has saved. */
  readonly #saved = new Set<number>();
  /** Last state that a whole step was made from. */
  #good: Retained;
  /** State at the start of the step that is being made; null before it has a batch. */
  #start: Retained | null = null;
  /** Place for the next state that is retained. */
  #spare: TrainerSnapshot | null;
  readonly #started = performance.now();

  /**
   * Starts at the beginning.
   *
   * @throws {OutOfMemoryError} when the copy of what is trained does not fit
   */
  constructor(task: SessionTask, options: SessionOptions) {
    this.#task = task;
    this.#options = options;
    const snapshot = () => task.guard ? new TrainerSnapshot(task.trainer) : null;
    this.#good = { state: this.state(), snapshot: snapshot() };
    this.#spare = snapshot();
  }

  /** Goes on from a checkpoint. @throws {UserError} when it is of another model or algorithm */
  async restore(checkpoint: Checkpoint): Promise<void> {
    const { state } = checkpoint;
    await restoreCheckpoint(checkpoint, this.#task);
    this.#task.position = state.prompts;
    this.step = state.step;
    this.#resumedAfter = state.step;
    this.skipped = state.skipped;
    this.#window = { ...state.window };
    this.#best = state.best;
    this.#bestMeasured = state.bestMeasured ?? null;
    this.#secondsBefore = state.seconds;
    this.#good.snapshot?.take();
    this.#good.state = this.state();
  }

  /** State for a checkpoint, beside weights and moments. */
  state(): CheckpointState {
    const { trainer, position } = this.#task;
    return {
      step: this.step,
      trainer: trainer.state(),
      optimizerSteps: trainer.optimizer.stepCount,
      prompts: position,
      window: { ...this.#window },
      best: this.#best,
      // A run that does not measure on its way has no entry for it.
      ...(this.#bestMeasured ? { bestMeasured: { ...this.#bestMeasured } } : {}),
      skipped: this.skipped,
      seconds: this.seconds,
    };
  }

  /** Step whose result measured best on the way; null where nothing was measured. */
  get bestMeasured(): { readonly step: number } | null {
    return this.#bestMeasured;
  }

  /** Seconds of the run, those of earlier processes included. */
  get seconds(): number {
    return this.#secondsBefore + (performance.now() - this.#started) / 1000;
  }

  /** Retains the trainer as it is: a step has its batch. `state` is that from before the batch. */
  beginStep(state: CheckpointState): void {
    this.#spare?.take();
    this.#start = { state, snapshot: this.#spare };
  }

  /**
   * Counts a step that succeeded: what it began with is good, as its statistics say.
   *
   * @param score number that is largest for the best checkpoint; null where there is none
   * @param measured the same of a measurement of what the step made, where one was due
   * @throws {UserError} when the best is to be saved, and a file cannot be written
   */
  async completeStep(score: number | null, measured?: number): Promise<void> {
    this.step++;
    this.skipped = 0;
    if (this.#start) {
      this.#spare = this.#good.snapshot;
      this.#good = this.#start;
      this.#start = null;
    }
    if (score !== null) {
      this.#window.sum += score;
      this.#window.count++;
    }
    const isBest = measured !== undefined &&
      (this.#bestMeasured === null || measured > this.#bestMeasured.score);
    if (!isBest) return;
    this.#bestMeasured = { step: this.step, score: measured };
    await writeFolderAtomic(
      join(this.#options.run, BEST_FOLDER),
      (folder) => this.#task.saveTrained(folder),
    );
  }

  /**
   * Counts a step that failed: the trainer goes back to when it was good, but not the data.
   *
   * @param beganBad the step began with what was bad already
   */
  skipStep(beganBad: boolean): void {
    this.#goBack(beganBad);
    this.step++;
    this.skipped++;
    this.#task.trainer.stepsDone = this.step;
  }

  /**
   * Saves a checkpoint and deletes those that need not be kept.
   *
   * @param options.regular it is due, and so may be the best: one that an interruption made may not,
   *   or a resumed run would differ from one that was not interrupted
   * @throws {UserError} when a file cannot be written
   */
  async save({ regular }: { regular: boolean }): Promise<void> {
    const { sum, count } = this.#window;
    if (regular && count > 0) {
      const score = sum / count;
      if (this.#best === null || score > this.#best.score) this.#best = { step: this.step, score };
      this.#window = { sum: 0, count: 0 };
    }
    const { run, keep } = this.#options;
    await saveCheckpoint(run, this.#task, this.state());
    this.#saved.add(this.step);
    const steps = await listCheckpoints(run);
    await removeCheckpoints(run, steps.filter((step) => this.#isAbandoned(step)));
    await pruneCheckpoints(run, keep, this.#best?.step ?? null);
  }

  /** Recognizes a checkpoint that was found broken when the run was resumed before its step. */
  #isAbandoned(step: number): boolean {
    return step > this.#resumedAfter && !this.#saved.has(step);
  }

  /**
   * Gives training up: goes back to the last good state, saves it as a checkpoint and as the
   * result, and deletes checkpoints behind it.
   *
   * @param beganBad the step that failed began with what was bad already
   * @throws {UserError} when a file cannot be written
   */
  async giveUp(beganBad: boolean): Promise<void> {
    const state = this.#goBack(beganBad);
    const { run } = this.#options;
    const { step } = state;
    await saveCheckpoint(run, this.#task, state);
    await removeCheckpoints(run, (await listCheckpoints(run)).filter((other) => other > step));
    await this.saveTrained();
  }

  #goBack(beganBad: boolean): CheckpointState {
    const { snapshot, state } = beganBad ? this.#good : this.#start ?? this.#good;
    snapshot?.restore();
    this.#start = null;
    return state;
  }

  /** Writes the result of training; it appears whole or not at all. @throws {UserError} */
  async saveTrained(): Promise<void> {
    await writeTrainedFolder(this.#options.trained, (folder) => this.#task.saveTrained(folder));
  }
}
