import type { PlaygroundKind } from "./choices.ts";
import type { RunFiles } from "./run_files.ts";

/** State of a run in this tab. */
export type Phase =
  | "starting"
  | "running"
  | "pausing"
  | "paused"
  | "stopping"
  | "finished"
  | "stopped"
  | "failed";

/** Run that the page shows. */
export interface ShownRun extends RunFiles {
  readonly kind: PlaygroundKind;
  /** Name; empty until it begins. */
  readonly name: string;
  readonly phase: Phase;
  readonly step: number;
  readonly steps: number | null;
  /** Message of the error that ended it. */
  readonly failure: string | null;
  /** Sentence on how the run differs from what was asked for; null where it does not. */
  readonly warning: string | null;
  /** Way to try the model; null until that is known. */
  readonly trying: Trying | null;
}

/** Way to try a run's model. */
export interface Trying {
  /** Model chats: it has a chat template. */
  readonly chats: boolean;
  /** Text to begin with. */
  readonly example: string;
}

/** Tells whether nothing more happens in a run by itself. */
export function hasEnded({ phase }: Pick<ShownRun, "phase">): boolean {
  return phase === "finished" || phase === "stopped" || phase === "failed";
}

/** Tells whether a run has trained an adapter of a model that writes text. */
export function canBeTried(
  { phase, kind, trained }: Pick<ShownRun, "phase" | "kind" | "trained">,
): boolean {
  return phase === "finished" && kind.writes && trained === "adapter";
}
