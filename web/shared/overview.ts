import type { FleetState } from "../../lib/runs/kinds/fleet/fleet_state.ts";
import type { Change } from "../../lib/runs/kinds/run_kind.ts";

/** State of a run. `failed` and `stopped` runs have ended before their last step. */
export type RunState = "running" | "finished" | "stopped" | "failed";

/** A headline statistic of a run. */
export interface HeadlineNumber {
  /** Name: "reward". */
  label: string;
  /** Unit; empty for a pure number. */
  unit: string;
  /** Value after the last step; null before the first. */
  value: number | null;
}

/** Overview of a run: its row in the table of runs, and the head of its pages. */
export interface RunOverview {
  /** Name of its folder. */
  id: string;
  /** Name in its settings, else that of its folder. */
  name: string;
  /** Kind of run, by its name in `config.json`. */
  kind: string;
  /** Name of the kind for people; null for a kind that this Temper does not know. */
  kindTitle: string | null;
  /** State. */
  state: RunState;
  /** Reason for its failure; null unless it has failed. */
  failure: string | null;
  /** True where the run can be resumed, and would not fail in the same way again. */
  resumable: boolean;
  /** Advice from its last steps, with settings in backticks; null where there is none to give. */
  advice: string | null;
  /** Device's own name where it was recorded, else the setting. */
  device: string;
  /** Folder or name of the model. */
  model: string;
  /** Number of steps done. */
  step: number;
  /** Number of steps of the whole run; null while it is not known. */
  steps: number | null;
  /** Seconds until the last step at the pace so far; null when that is not known. */
  secondsLeft: number | null;
  /** Headline statistics of the last step, in the order of the kind. */
  headline: HeadlineNumber[];
  /** Numbers before and after training, the most telling first; empty until the run has finished. */
  changes: Change[];
  /** Time of its start, in milliseconds since 1970. */
  started: number;
  /** Workers of a run that is running; null where it has none. */
  fleet: FleetState | null;
}

/** A row of the table of runs, with small curves. */
export interface RunRow extends RunOverview {
  /** A few values of the first headline statistics, in the order of the steps. */
  curves: number[][];
}

/** A page of the table of runs. */
export interface RunsPage {
  /** Runs on this page. */
  rows: RunRow[];
  /** Number of runs in the folder. */
  all: number;
  /** Number of runs that match the filter, on all pages. */
  total: number;
  /** Kinds of the runs in the folder: name and title, by title. */
  kinds: { kind: string; title: string }[];
  /** Number of this page, from 1. */
  page: number;
  /** Number of pages, at least 1. */
  pages: number;
}

/** Headline statistics that the table of runs has columns for. */
export const TABLE_METRICS = 2;

/** Columns that the table of runs can be sorted by. */
export const RUN_SORTS = [
  "started",
  "name",
  "state",
  "model",
  "progress",
  "metric",
  "metric2",
  "result",
] as const;

/** Name of a column that the table of runs can be sorted by. */
export type RunSort = typeof RUN_SORTS[number];

/** Selection and order of the runs in the table. */
export interface RunsQuery {
  /** Part of the name, folder or model; empty for all. */
  search: string;
  /** State; empty for all. */
  state: RunState | "";
  /** Kind; empty for all. */
  kind: string;
  /** Column to sort by. */
  sort: RunSort;
  /** Largest first. */
  descending: boolean;
  /** Number of the page, from 1. */
  page: number;
}
