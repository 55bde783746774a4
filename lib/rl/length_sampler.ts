import { UserError } from "../errors.ts";
import type { Random } from "../random.ts";

/** Draws response lengths uniformly, as TRL's `LengthSampler`: the upper bound is excluded. */
export class LengthSampler {
  /**
   * A sampler of its own sequence of lengths.
   *
   * @param min shortest length in tokens
   * @param max one more than the longest
   * @throws {UserError} when the range is empty or not of positive integers.
   */
  constructor(
    private readonly min: number,
    private readonly max: number,
    private readonly random: Random,
  ) {
    if (!Number.isInteger(min) || !Number.isInteger(max) || min < 1 || max <= min) {
      throw new UserError(
        `response lengths from ${min} up to but not including ${max} are not possible: ` +
          `both must be integers, the first at least 1 and the second larger than it`,
      );
    }
  }

  /** The next length, in [min, max). */
  sample(): number {
    return this.random.integer(this.min, this.max);
  }
}
