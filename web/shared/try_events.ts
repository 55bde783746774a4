import type { Answers } from "../../lib/runs/commands/side_by_side.ts";

/** What becomes of a request to try a model: a line of JSON each. */
export type TryEvent =
  | { type: "waiting"; /** Requests that come first. */ ahead: number }
  | { type: "running" }
  | { type: "answered"; answers: Answers }
  | { type: "failed"; /** What to do about it, for the reader. */ reason: string };
