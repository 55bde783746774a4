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
  #secondsBefore = 0;
  /** Step after which this session started. */
  #start = 0;
  /** Steps of the checkpoints that this session has saved. */
  readonly #saved = new Set<number>();
  #lastGood: CheckpointState;
  /** Copy to go back to; none where steps are not taken back, for it takes memory. */
  readonly #snapshot: TrainerSnapshot | null;
  readonly #started = performance.now();

  /**
   * Starts at the beginning.
   *
   * @throws {OutOfMemoryError} when the copy of what is trained does not fit
   */
  constructor(task: SessionTask, options: SessionOptions) {
    this.#task = task;
    this.#options = options;
    this.#snapshot = task.guard ? new TrainerSnapshot(task.trainer) : null;
    this.#lastGood = this.state();
  }

  /** Goes on from a checkpoint. @throws {UserError} when it is of another model or algorithm */
  async restore(checkpoint: Checkpoint): Promise<void> {
    const { state } = checkpoint;
    await restoreCheckpoint(checkpoint, this.#task);
    this.#task.position = state.prompts;
    this.step = state.step;
    this.#start = state.step;
    this.skipped = state.skipped;
    this.#window = { ...state.window };
    this.#best = state.best;
    this.#secondsBefore = state.seconds;
    this.markGood(this.state());
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
      skipped: this.skipped,
      seconds: this.seconds,
    };
  }

  /** Seconds of the run, those of earlier processes included. */
  get seconds(): number {
    return this.#secondsBefore + (performance.now() - this.#started) / 1000;
  }

  /** Remembers the trainer as it is: it has proved good. `state` is that of the step's start. */
  markGood(state: CheckpointState): void {
    this.#snapshot?.take();
    this.#lastGood = state;
  }

  /** Counts a step that succeeded. */
  completeStep(score: number | null): void {
    this.step++;
    this.skipped = 0;
    if (score === null) return;
    this.#window.sum += score;
    this.#window.count++;
  }

  /** Counts a step that failed: the trainer goes back to when it was good, but not the data. */
  skipStep(): void {
    this.#snapshot?.restore();
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
    return step > this.#start && !this.#saved.has(step);
  }

  /**
   * Gives training up: goes back to the last good state, saves it as a checkpoint and as the
   * result, and deletes checkpoints behind it.
   *
   * @throws {UserError} when a file cannot be written
   */
  async giveUp(): Promise<void> {
    this.#snapshot?.restore();
    const { run } = this.#options;
    const { step } = this.#lastGood;
    await saveCheckpoint(run, this.#task, this.#lastGood);
    await removeCheckpoints(run, (await listCheckpoints(run)).filter((other) => other > step));
    await this.saveTrained();
  }

  /** Writes the result of training; it appears whole or not at all. @throws {UserError} */
  async saveTrained(): Promise<void> {
    await writeFolderAtomic(
      this.#options.trained,
      (folder) => this.#task.saveTrained(folder),
    );
  }
}
