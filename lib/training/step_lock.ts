import { UserError } from "../errors.ts";

/** Lock of a trainer that makes one step at a time. */
export class StepLock {
  #isHeld = false;

  /** True while a step is running. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Runs a step. @throws {UserError} when another one is running */
  async hold<T>(step: () => Promise<T>): Promise<T> {
    if (this.#isHeld) {
      throw new UserError("step was called while another step is running: await that first");
    }
    this.#isHeld = true;
    try {
      return await step();
    } finally {
      this.#isHeld = false;
    }
  }
}
