import { visibleLine } from "./visible_text.ts";

/** Maximum number of characters of a message: a name or a value in a file may have any length. */
const MAX_MESSAGE = 4000;
/** Number of characters that are kept of a longer one's end, where the advice is. */
const END_OF_MESSAGE = 1000;

/** Facts of a {@linkcode UserError} beside its message. */
export interface ErrorFacts {
  /** Error that led to this one. */
  cause?: unknown;
  /** Exit code of the command line: 1 (the default) for bad input, 2 for bad usage. */
  exitCode?: number;
  /** Folder of the run that can be resumed. */
  run?: string;
}

/**
 * A mistake of the user's: a wrong path, a broken file, an impossible setting. The message is one
 * line: what was found, what was expected, what to do. It begins in lower case and has no full stop
 * at its end.
 *
 * Settings are named in backticks, as in the API: `batchSize`. The command line puts its own
 * spelling in their place, and adds the advice that only it can give: options and commands.
 */
export class UserError extends Error {
  /** Exit code of the command line: 1 for bad input, 2 for bad usage, 130 for Ctrl-C. */
  readonly exitCode: number;
  /** Folder of the run that can be resumed; null where there is none. */
  readonly run: string | null;

  /**
   * The message may quote a piece of a file: its line breaks become spaces, its control
   * characters, which a terminal would obey, symbols (`␛`), and of a very long one the middle is left
   * out.
   */
  constructor(message: string, { cause, exitCode = 1, run }: ErrorFacts = {}) {
    super(visibleLine(shortened(message).replaceAll(/\s*[\n\r]\s*/g, " ")), { cause });
    this.name = "UserError";
    this.exitCode = exitCode;
    this.run = run ?? null;
  }
}

function shortened(message: string): string {
  if (message.length <= MAX_MESSAGE) return message;
  const start = message.slice(0, MAX_MESSAGE - END_OF_MESSAGE);
  return `${start} … ${message.slice(-END_OF_MESSAGE)}`;
}

/** Bytes of an {@linkcode OutOfMemoryError}. */
export interface MemoryFacts extends ErrorFacts {
  /** Bytes needed in all, or by the request that failed. */
  needed: number;
  /** Bytes available for that; null where the system does not say. */
  available: number | null;
}

/** Too little memory on the device for the model, the batch or the activations. */
export class OutOfMemoryError extends UserError {
  /** Bytes needed in all, or by the request that failed. */
  readonly needed: number;
  /** Bytes available for that; null where the system does not say. */
  readonly available: number | null;

  /** The message says what the memory is needed for, without advice. */
  constructor(message: string, facts: MemoryFacts) {
    super(message, facts);
    this.name = "OutOfMemoryError";
    this.needed = facts.needed;
    this.available = facts.available;
  }
}

/** Logits that are not finite: the weights of the model or the adapter are too large. */
export class NotFiniteError extends UserError {
  /** The message says what is not finite, and where. */
  constructor(message: string, facts: ErrorFacts = {}) {
    super(message, facts);
    this.name = "NotFiniteError";
  }
}

/** Facts of a {@linkcode TrainingDivergedError}. */
export interface DivergenceFacts extends ErrorFacts {
  /** True when the step began with a model that was bad already: the step before it broke it. */
  beganBad?: boolean;
}

/** Failed training: a loss that is not finite, or a policy that moved too far in one step. */
export class TrainingDivergedError extends UserError {
  /** True when the step began with a model that was bad already: the step before it broke it. */
  readonly beganBad: boolean;

  /** The message says the step, what was found, and what to do. */
  constructor(message: string, { beganBad = false, ...facts }: DivergenceFacts = {}) {
    super(message, facts);
    this.name = "TrainingDivergedError";
    this.beganBad = beganBad;
  }
}

/** GPU that is gone: its driver was restarted, or the machine slept. What was on it is lost. */
export class DeviceLostError extends UserError {
  /** The message says what was lost, and what to do. */
  constructor(message: string, facts: ErrorFacts = {}) {
    super(message, facts);
    this.name = "DeviceLostError";
  }
}

/** A model, dataset or reward that is no longer what a run started with. */
export class SourceChangedError extends UserError {
  /** The message says what has changed. */
  constructor(message: string, facts: ErrorFacts = {}) {
    super(message, facts);
    this.name = "SourceChangedError";
  }
}

/** A run stopped on request (Ctrl-C, a signal, an `AbortSignal`), which can be resumed. */
export class RunInterruptedError extends UserError {
  /** The message says where the run stopped. */
  constructor(message: string, facts: ErrorFacts = {}) {
    super(message, facts);
    this.name = "RunInterruptedError";
  }
}
