import type { ChosenDevice } from "./fields.tsx";
import type { Picked } from "./picked_files.ts";

/** Server to work at, and what for, as the form has it. */
export interface WorkChoices {
  readonly address: string;
  readonly user: string;
  readonly password: string;
  /** Id of the run; empty for any. */
  readonly run: string;
  readonly device: ChosenDevice;
  readonly ownModel: Picked | null;
  readonly ownClassifier: Picked | null;
}

/** Choices of a page that was just opened. */
export const FIRST_WORK: WorkChoices = {
  address: "",
  user: "",
  password: "",
  run: "",
  device: "auto",
  ownModel: null,
  ownClassifier: null,
};

/** Phase of a tab's work. */
export type WorkPhase =
  | "connecting"
  | "searching"
  | "loading"
  | "responding"
  | "waiting"
  | "stopping"
  | "stopped"
  | "failed";

/** Work of the tab, as the page shows it. */
export interface ShownWork {
  readonly phase: WorkPhase;
  /** Id of the run that was asked for; empty for any. */
  readonly wanted: string;
  /** Id of the run; null before one is found. */
  readonly run: string | null;
  /** Kind of the run, and the device that responds. */
  readonly kind: string;
  readonly device: string;
  /** Step of the latest responses; null before the first. */
  readonly step: number | null;
  /** Responses that are made now. */
  readonly current: number;
  /** Responses that were stored, their tokens, and the seconds that they took. */
  readonly rollouts: number;
  readonly tokens: number;
  readonly seconds: number;
  readonly failure: string | null;
}

/** Work that begins. */
export function newWork(wanted: string): ShownWork {
  return {
    phase: "connecting",
    wanted,
    run: null,
    kind: "",
    device: "",
    step: null,
    current: 0,
    rollouts: 0,
    tokens: 0,
    seconds: 0,
    failure: null,
  };
}

/** Tells whether a tab's work is over. */
export function isOver({ phase }: ShownWork): boolean {
  return phase === "stopped" || phase === "failed";
}

/** Sentence on what the tab does. */
export function workStatus({ phase, wanted, run, step, current }: ShownWork): string {
  switch (phase) {
    case "connecting":
      return "Connecting to the server";
    case "searching":
      return wanted === ""
        ? "Waiting for a run: no trainer has one at this server yet"
        : `Waiting for the run ${wanted}: this server does not have it yet`;
    case "loading":
      return `Loading the model of ${run}`;
    case "responding":
      return `Generating ${current} responses of step ${step}`;
    case "waiting":
      return "Waiting for the next prompts";
    case "stopping":
      return "Stops after the responses at hand";
    case "stopped":
      return "Stopped: work that was not done goes to other workers";
    case "failed":
      return "It has ended with an error";
  }
}

/** Address of a server with the user and password in it. */
export function addressOf({ address, user, password }: WorkChoices): string {
  const trimmed = address.trim();
  if (user === "") return trimmed;
  const secret = password === "" ? "" : `:${encodeURIComponent(password)}`;
  return trimmed.replace(/^(\w+:\/\/)(?:[^/]*@)?/, `$1${encodeURIComponent(user)}${secret}@`);
}
