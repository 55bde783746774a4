/**
 * A mistake of the user's (a wrong path, a broken file, an impossible setting). The CLI prints its
 * message as one line without a stack trace and exits with `exitCode`.
 *
 * The message says what was found, what was expected and what to do.
 */
export class UserError extends Error {
  /** Process exit code the CLI ends with: 1 for bad input, 2 for bad usage, 130 for Ctrl-C. */
  readonly exitCode: number;

  /**
   * `message` is one line: what was found, what was expected, what to do. Line breaks, which a quoted
   * piece of a file may bring along, become spaces.
   */
  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message.replaceAll(/\s*[\n\r]\s*/g, " "), { cause: options.cause });
    this.name = "UserError";
    this.exitCode = options.exitCode ?? 1;
  }
}

/** The model, the batch or the activations do not fit in the device's memory. */
export class OutOfMemoryError extends UserError {
  /** `message` is one line: what was asked for, what there is, what to do. */
  constructor(message: string) {
    super(message);
    this.name = "OutOfMemoryError";
  }
}

/** The model computes numbers that are not finite: its weights, or the adapter's, are too large. */
export class NotFiniteError extends UserError {
  /** `message` is one line: what is not finite, and where. */
  constructor(message: string) {
    super(message);
    this.name = "NotFiniteError";
  }
}

/** Training went wrong: a loss that is not finite, a policy that moved too far in one step. */
export class TrainingDivergedError extends UserError {
  /** `message` is one line: the step, what was found, what to do. */
  constructor(message: string) {
    super(message);
    this.name = "TrainingDivergedError";
  }
}

/** Someone asked a run to stop: Ctrl-C, a signal, an `AbortSignal`. It can be resumed. */
export class RunInterruptedError extends UserError {
  /** `message` is one line: where the run stopped, and how to go on. */
  constructor(message: string, options: { exitCode?: number } = {}) {
    super(message, options);
    this.name = "RunInterruptedError";
  }
}
