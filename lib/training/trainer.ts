import type { Adam } from "../nn/optimizer.ts";
import type { Parameters } from "../nn/parameters.ts";

/**
 * An algorithm that trains parameters step by step, as snapshots, checkpoints and the run loop see
 * it. Between steps it can be saved and restored exactly: what is on the device is `parameters`, the
 * optimizer's moments and `frozen`; everything else is in `state()`.
 */
export interface Trainer<State = unknown> {
  /** Parameters that the optimizer changes. */
  readonly parameters: Parameters;
  /** Optimizer; its moments and step count belong to a checkpoint. */
  readonly optimizer: Adam;
  /** Further parameters that a checkpoint has to keep, by name: a frozen reference. */
  readonly frozen: Readonly<Record<string, Parameters>>;
  /** State beside the buffers on the device, as a JSON value. */
  state(): State;
  /**
   * Goes on from a state.
   *
   * @throws {UserError} when it is not a state of this algorithm
   */
  setState(state: State): void;
  /** Frees what the trainer allocated on the device. */
  dispose(): void;
}
