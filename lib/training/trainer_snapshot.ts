import { add } from "../../kernels/elementwise/elementwise.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Trainer } from "./trainer.ts";

/** A copy, on the device, of everything that a trainer's steps change, to undo a failed step. */
export class TrainerSnapshot {
  readonly #trainer: Trainer;
  readonly #copies: readonly (readonly [live: Tensor, copy: Tensor])[];
  #state: unknown;
  #stepCount = 0;

  /**
   * Takes the first copy.
   *
   * @throws {OutOfMemoryError} when the copy does not fit: parameters and moments
   */
  constructor(trainer: Trainer) {
    const { firstMoment, secondMoment } = trainer.optimizer;
    this.#trainer = trainer;
    this.#copies = [trainer.parameters.values, firstMoment, secondMoment].map((live) => {
      const { device, length } = live;
      return [live, new Tensor(device, device.alloc(length * 4), [length])];
    });
    this.take();
  }

  /** Copies the trainer as it is now. */
  take(): void {
    for (const [live, copy] of this.#copies) add(live.device, copy, null, live, live.length);
    this.#state = this.#trainer.state();
    this.#stepCount = this.#trainer.optimizer.stepCount;
  }

  /** Makes the trainer what it was when the copy was taken. */
  restore(): void {
    for (const [live, copy] of this.#copies) add(live.device, live, null, copy, live.length);
    this.#trainer.parameters.revision++;
    this.#trainer.setState(this.#state);
    this.#trainer.optimizer.stepCount = this.#stepCount;
  }

  /** Frees the copy. */
  dispose(): void {
    for (const [{ device }, { buffer }] of this.#copies) device.free(buffer);
  }
}
