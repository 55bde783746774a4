/**
 * Messages between a page and the worker that trains for it: whole runs, not single methods. The page
 * calls, the worker answers each call with a result or a failure, and tells in between what happens.
 */
import type { NatsAddress } from "../cluster/address.ts";
import type { WorkOptions } from "../cluster/work.ts";
import type { DownloadProgress } from "../hub/download.ts";
import type { RewardSample } from "../rewards/reward.ts";
import type { Answers, Question } from "../runs/commands/side_by_side.ts";
import type { MetricsRow } from "../runs/folder/export.ts";

/** Contents of a file. */
export type FileBody = Blob | Uint8Array<ArrayBuffer>;

/** Files of a folder, by their paths in it. */
export type FolderBody = readonly (readonly [path: string, body: FileBody])[];

/** File of a folder. */
export interface FolderFile {
  /** Path in the folder. */
  path: string;
  /** Contents. */
  body: Blob;
}

/** Settings of the worker. */
export interface WorkerSettings {
  /** Address of the Hugging Face Hub or a mirror. Default `https://huggingface.co`. */
  hub?: string;
  /** Access token for the Hub. */
  token?: string;
}

/** Abilities of the browser and the page. */
export interface BrowserFacts {
  /** Threads of the WASM device: more than one where the page is cross-origin isolated. */
  threads: number;
  /** GPU that WebGPU offers, in words; null for none. */
  gpu: string | null;
  /** True where the GPU is only imitated, and slower than WASM. */
  gpuIsSoftware: boolean;
  /** True where runs can be kept in the browser's storage. */
  storage: boolean;
}

/** Run to be trained. */
export interface RunOrder {
  /** Kind of the run: `ppo`, `grpo`, `rloo`, `dpo`, `orpo`, `kto`, `sft`, `reward`. */
  kind: string;
  /** Settings, as in `config.json`; `output` is the run's name. */
  settings: Readonly<Record<string, unknown>>;
  /** Rewards that the page computes: the source of each by its name, by which `reward` has it. */
  rewards: Readonly<Record<string, string>>;
  /** Keep the run in the browser's storage. */
  keep: boolean;
  /** Go on with a run that is kept. */
  resume: boolean;
}

/** Server to work at, and what for. */
export interface WorkOrder {
  /** Address of the server, and credentials. */
  address: NatsAddress;
  /** Run, model, rewards and device. */
  options: Omit<WorkOptions, "signal">;
}

/** Results of a run. */
export interface RunOutcome {
  /** Name of the run. */
  run: string;
  /** Content of `summary.json`. */
  summary: Record<string, unknown>;
  /** The same prompts before and after, the largest gain in reward first; empty for some kinds. */
  comparison: readonly Readonly<Record<string, unknown>>[];
}

/** State of a run that is kept. */
export interface KeptRun {
  /** Name. */
  name: string;
  /** Kind; null where its settings cannot be read. */
  kind: string | null;
  /** `running` in this tab or another one, `finished`, `failed` with an error, else `stopped`. */
  status: "running" | "finished" | "failed" | "stopped";
  /** Settings in its `config.json`. */
  settings: Readonly<Record<string, unknown>>;
  /** Steps done. */
  step: number;
  /** Steps of the whole run; null where that is not known. */
  steps: number | null;
  /** Message of the error that ended it. */
  failure: string | null;
  /** Start, in milliseconds since 1970; null where another tab has the run. */
  started: number | null;
}

/** Arguments and results of the calls. */
export interface Calls {
  open: { args: WorkerSettings; result: BrowserFacts };
  put: { args: { path: string; files: FileBody | FolderBody }; result: void };
  train: { args: RunOrder; result: RunOutcome };
  work: { args: WorkOrder; result: void };
  control: { args: { do: "pause" | "go on" | "stop" }; result: void };
  runs: { args: null; result: KeptRun[] };
  files: { args: { path: string }; result: FolderFile[] };
  zip: { args: { path: string }; result: Blob };
  remove: { args: { run: string }; result: void };
  load: { args: { run: string; rewards: Readonly<Record<string, string>> }; result: void };
  question: { args: { run: string; prompt: string }; result: string | null };
  answer: { args: Question; result: Answers };
  unload: { args: null; result: void };
}

/** Name of a call. */
export type CallName = keyof Calls;

/** Message of the page. */
export type PageMessage =
  | { [Name in CallName]: { id: number; call: Name; args: Calls[Name]["args"] } }[CallName]
  | { scored: number; scores: (number | null)[] }
  | { scored: number; failure: Failure };

/** Events of a run. */
export interface RunEvents {
  /** Text for people, of one or more lines. */
  info: string;
  /** Sentence for people: the run is not kept, or goes on otherwise than it was asked to. */
  warning: string;
  /** Bytes of a download have arrived. */
  downloading: DownloadProgress;
  /** The run goes on after this step. */
  resumed: { step: number };
  /** The model was measured; `line` describes that for people. */
  measured: { when: "before" | "after"; measurement: unknown; line: string };
  /** Training begins, of a run of so many steps. */
  begun: { run: string; steps: number };
  /** A step is done: its row of `metrics.jsonl`, and those of `samples.jsonl`. */
  stepped: { step: number; row: MetricsRow; samples: readonly object[] };
  /** The run waits, after so many steps. */
  paused: { step: number };
  /** The run waits no longer. */
  wentOn: { step: number };
}

/** Events of working for runs of trainers elsewhere. */
export interface WorkEvents {
  /** Text for people, of one or more lines. */
  info: string;
  /** Bytes of a download have arrived. */
  downloading: DownloadProgress;
  /** There is no run to work for. */
  waiting: null;
  /** A run is found, and its model is loaded now. */
  found: { run: string; kind: string; device: string };
  /** Responses to some prompts of a step are begun. */
  working: { step: number; rollouts: number };
  /** They are stored. */
  worked: { step: number; rollouts: number; tokens: number; seconds: number };
}

/** Events of whatever a worker does, by their names. */
export type TabEvents = RunEvents & WorkEvents;

/** Message of the worker. */
export type WorkerMessage =
  | { id: number; result: unknown }
  | { id: number; failure: Failure }
  | { [Name in keyof TabEvents]: { event: Name; data: TabEvents[Name] } }[keyof TabEvents]
  | { score: number; reward: string; samples: RewardSample[] };

/** Error as a message carries it. */
export interface Failure {
  /** Name of the error's class. */
  name: string;
  /** One line for people, of a user's mistake; else that of the mistake in the code. */
  message: string;
  /** Run that can go on. */
  run: string | null;
  /** Bytes that were missing, of an `OutOfMemoryError`. */
  needed?: number;
  /** Bytes that there were, of an `OutOfMemoryError`; null where that is not known. */
  available?: number | null;
}
