import {
  NotFiniteError,
  OutOfMemoryError,
  RunInterruptedError,
  SourceChangedError,
  TrainingDivergedError,
  UserError,
} from "../errors.ts";
import type { Failure } from "./protocol.ts";

/** Describes an error for a message. */
export function failureOf(error: unknown): Failure {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const run = error instanceof UserError ? error.run : null;
  const failure = { name, message, run };
  if (!(error instanceof OutOfMemoryError)) return failure;
  return { ...failure, needed: error.needed, available: error.available };
}

/** Makes the error that a message describes. */
export function errorOf({ name, message, run, needed, available }: Failure): Error {
  const facts = { run: run ?? undefined };
  switch (name) {
    case "UserError":
      return new UserError(message, facts);
    case "OutOfMemoryError":
      return new OutOfMemoryError(message, {
        ...facts,
        needed: needed ?? 0,
        available: available ?? null,
      });
    case "NotFiniteError":
      return new NotFiniteError(message, facts);
    case "TrainingDivergedError":
      return new TrainingDivergedError(message, facts);
    case "RunInterruptedError":
      return new RunInterruptedError(message, facts);
    case "SourceChangedError":
      return new SourceChangedError(message, facts);
  }
  return Object.assign(new Error(message), { name });
}
