import { writeFolderAtomic } from "../../platform/atomic_folder.ts";
import { savePolicy } from "../../models/policy.ts";
import { TrainerSnapshot } from "../../training/trainer_snapshot.ts";
import type { PPOTrainer } from "../../rl/ppo_trainer.ts";
import {
  type Checkpoint,
  type CheckpointState,
  listCheckpoints,
  pruneCheckpoints,
  removeCheckpoints,
  restoreCheckpoint,
  saveCheckpoint,
} from "../folder/checkpoint.ts";
import type { TrainConfig } from "../settings/config.ts";
import { baseModelName } from "../loading/locate.ts";
import type { PromptBatches } from "./prompt_order.ts";
import type { RunDirectory } from "../folder/run_directory.ts";

/** How far a run is, and what it takes to save that and to go back to it. */
export class TrainingSession {
  /** Steps done, those that were skipped included. */
  step = 0;
  /** Steps in a row that were skipped. */
  skipped = 0;
  #window = { sum: 0, count: 0 };
  #best: CheckpointState["best"] = null;
  #secondsBefore = 0;
  /** The step that this session started after, and those that it has saved. */
  #start = 0;
  readonly #saved = new Set<number>();
  #lastGood: CheckpointState;
  readonly #snapshot: TrainerSnapshot;
  readonly #baseModel: string;
  readonly #started = performance.now();

  /** Starts at the beginning. */
  constructor(
    private readonly directory: RunDirectory,
    private readonly config: TrainConfig,
    private readonly trainer: PPOTrainer,
    private readonly batches: PromptBatches,
  ) {
    this.#snapshot = new TrainerSnapshot(trainer);
    this.#lastGood = this.state();
    this.#baseModel = baseModelName(config.model);
  }

  /** Goes on from a checkpoint. @throws {UserError} when it is of another model */
  async restore(checkpoint: Checkpoint): Promise<void> {
    const { state } = checkpoint;
    await restoreCheckpoint(checkpoint, this.trainer);
    this.batches.position = state.prompts;
    this.step = state.step;
    this.#start = state.step;
    this.skipped = state.skipped;
    this.#window = { ...state.window };
    this.#best = state.best;
    this.#secondsBefore = state.seconds;
    this.markGood(this.state());
  }

  /** What a checkpoint keeps beside weights and moments. */
  state(): CheckpointState {
    return {
      step: this.step,
      trainer: this.trainer.state(),
      optimizerSteps: this.trainer.optimizer.stepCount,
      prompts: this.batches.position,
      window: { ...this.#window },
      best: this.#best,
      skipped: this.skipped,
      seconds: this.seconds,
    };
  }

  /** Wall-clock time of the run, that of earlier processes included. */
  get seconds(): number {
    return this.#secondsBefore + (performance.now() - this.#started) / 1000;
  }

  /** Remembers the trainer as it is: it has proved good. `state` is that of the step's start. */
  markGood(state: CheckpointState): void {
    this.#snapshot.take();
    this.#lastGood = state;
  }

  /** A step succeeded. */
  completeStep(meanReward: number): void {
    this.step++;
    this.skipped = 0;
    this.#window.sum += meanReward;
    this.#window.count++;
  }

  /** A step failed: the trainer goes back to when it was good, but not to the prompts of then. */
  skipStep(): void {
    this.#snapshot.restore();
    this.step++;
    this.skipped++;
    this.trainer.stepsDone = this.step;
  }

  /**
   * Saves a checkpoint and deletes those that need not be kept.
   *
   * @param regular it is due, and so may be the best: one that an interruption made may not, or a
   *   resumed run would differ from one that was not interrupted
   * @throws {UserError} when a file cannot be written
   */
  async save({ regular }: { regular: boolean }): Promise<void> {
    const { sum, count } = this.#window;
    if (regular && count > 0) {
      const score = sum / count;
      if (this.#best === null || score > this.#best.score) this.#best = { step: this.step, score };
      this.#window = { sum: 0, count: 0 };
    }
    const { path } = this.directory;
    await saveCheckpoint(path, this.trainer, this.state(), this.#baseModel);
    this.#saved.add(this.step);
    await removeCheckpoints(
      path,
      (await listCheckpoints(path)).filter((step) => this.#isFalse(step)),
    );
    await pruneCheckpoints(path, this.config.keep, this.#best?.step ?? null);
  }

  /** Whether a checkpoint is none of this run's way here: it was found broken when it was resumed. */
  #isFalse(step: number): boolean {
    return step > this.#start && !this.#saved.has(step);
  }

  /**
   * Gives training up: goes back to the last good state, saves it as a checkpoint and as the
   * adapter, and deletes checkpoints behind it.
   *
   * @throws {UserError} when a file cannot be written
   */
  async giveUp(): Promise<void> {
    this.#snapshot.restore();
    const { path } = this.directory;
    const { step } = this.#lastGood;
    await saveCheckpoint(path, this.trainer, this.#lastGood, this.#baseModel);
    await removeCheckpoints(path, (await listCheckpoints(path)).filter((other) => other > step));
    await this.saveAdapter();
  }

  /** Writes `adapter/`, as it appears whole or not at all. @throws {UserError} */
  async saveAdapter(): Promise<void> {
    const { peftFormat } = this.config;
    await writeFolderAtomic(
      this.directory.adapter,
      (folder) => savePolicy(this.trainer.policy, folder, this.#baseModel, peftFormat),
    );
  }
}
