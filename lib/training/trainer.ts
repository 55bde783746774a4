import { UserError } from "../errors.ts";
import type { Adam } from "../nn/optimizer.ts";
import type { Parameters } from "../nn/parameters.ts";
import { z } from "../packages/zod.ts";

/**
 * An algorithm that trains parameters step by step, as snapshots, checkpoints and the run loop see
 * it. Between steps it can be saved and restored exactly: what is on the device is `parameters`, the
 * optimizer's moments and `frozen`; everything else is in `state()`.
 */
export interface Trainer {
  /** Parameters that the optimizer changes. */
  readonly parameters: Parameters;
  /** Optimizer; its moments and step count belong to a checkpoint. */
  readonly optimizer: Adam;
  /** Further parameters that a checkpoint has to keep, by name: a frozen reference. */
  readonly frozen: Readonly<Record<string, Parameters>>;
  /** Steps done, which the learning rate follows; set it to pass over a step. */
  stepsDone: number;
  /** State beside the buffers on the device, as a JSON value. */
  state(): unknown;
  /**
   * Goes on from a state, perhaps one read from a file.
   *
   * @throws {UserError} when it is not a state of this algorithm
   */
  setState(state: unknown): void;
  /** Frees what the trainer allocated on the device. */
  dispose(): void;
}

/** State of a {@linkcode Random} in a trainer's state. */
export const randomState: z.ZodType<number[]> = z.array(z.int().nonnegative()).length(4);

/**
 * Checks a trainer's state.
 *
 * @param algorithm its name, for the message
 * @throws {UserError} naming the first field that does not fit
 */
export function parseState<T>(schema: z.ZodType<T>, state: unknown, algorithm: string): T {
  const parsed = schema.safeParse(state);
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues;
  throw new UserError(`not a state of ${algorithm}: ${[...path, message].join(": ")}`);
}
