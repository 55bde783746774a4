/**
 * A mistake of the user's (a wrong path, a broken file, an impossible setting). The CLI prints its
 * message as one line without a stack trace and exits with `exitCode`.
 *
 * The message says what was found, what was expected and what to do.
 */
export class UserError extends Error {
  /** Process exit code the CLI ends with: 1 for bad input, 2 for bad usage. */
  readonly exitCode: 1 | 2;

  /**
   * `message` is one line: what was found, what was expected, what to do. Line breaks, which a quoted
   * piece of a file may bring along, become spaces.
   */
  constructor(message: string, options: { exitCode?: 1 | 2; cause?: unknown } = {}) {
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

/** The loss or its gradient is no longer finite; the parameters are those of the last update that was. */
export class TrainingDivergedError extends UserError {
  /** `message` is one line: the step, what is not finite, what to do. */
  constructor(message: string) {
    super(message);
    this.name = "TrainingDivergedError";
  }
}
