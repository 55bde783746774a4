import type { Answers } from "../../lib/runs/commands/side_by_side.ts";

/** Progress of a request to try an adapter: a line of JSON each. */
export type TryEvent =
  | { type: "waiting"; /** Number of requests that come first. */ ahead: number }
  | { type: "running" }
  | { type: "answered"; answers: Answers }
  | { type: "failed"; /** Reason and advice, for the reader. */ reason: string };
