/** What a run is doing. `failed` and `stopped` runs have ended before their last step. */
export type RunState = "running" | "finished" | "stopped" | "failed";

/** How a run trains: reinforcement learning, or supervised fine-tuning (`temper sft`). */
export type RunKind = "ppo" | "sft";

/** A mean before training and after it, or after the last step so far. */
export interface BeforeAfter {
  /** On the untrained policy. */
  before: number;
  /** On the trained one. */
  after: number;
}

/** The headline of a run: a row of the table of runs. */
export interface RunOverview {
  /** Name of its folder. */
  id: string;
  /** What its settings call it, else its folder's name. */
  name: string;
  /** How it trains. */
  kind: RunKind;
  /** What it is doing. */
  state: RunState;
  /** Why it failed; null unless it has. */
  failure: string | null;
  /** What it computes on: the device's own name where it was recorded, else the setting. */
  device: string;
  /** Folder of the model. */
  model: string;
  /** Steps done. */
  step: number;
  /** Steps there will be. */
  steps: number;
  /** Seconds until the last step, as the steps went so far; null when that is not known. */
  secondsLeft: number | null;
  /** Mean reward of the last step; null before the first. */
  reward: number | null;
  /** Mean KL per response of the last step, in nats; null before the first. */
  kl: number | null;
  /** Loss of the last step of supervised fine-tuning, in nats a token; else null. */
  loss: number | null;
  /** Toxicity, where it has been measured on both sides. */
  toxicity: BeforeAfter | null;
  /** When it started, in milliseconds since 1970. */
  started: number;
}

/** A row of the table of runs with its small curves, each a few values in the order of the steps. */
export interface RunRow extends RunOverview {
  /** Mean reward. */
  rewardCurve: number[];
  /** Mean KL per response, in nats. */
  klCurve: number[];
}

/** A page of the table of runs. */
export interface RunsPage {
  /** The runs on this page. */
  rows: RunRow[];
  /** Runs in the folder. */
  all: number;
  /** Runs that the filter leaves, on all pages. */
  total: number;
  /** This page, from 1. */
  page: number;
  /** How many pages there are, at least 1. */
  pages: number;
}

/** Columns that the table of runs can be sorted by. */
export const RUN_SORTS = [
  "started",
  "name",
  "state",
  "model",
  "progress",
  "reward",
  "kl",
  "toxicity",
] as const;

/** What of the runs is shown. */
export interface RunsQuery {
  /** Part of the name, folder or model; empty for all. */
  search: string;
  /** State; empty for all. */
  state: RunState | "";
  /** Column to sort by. */
  sort: typeof RUN_SORTS[number];
  /** Whether the largest comes first. */
  descending: boolean;
  /** Page, from 1. */
  page: number;
}
