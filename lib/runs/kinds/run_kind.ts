import type { z } from "../../packages/zod.ts";
import type { RunDeviceOptions } from "../loading/device.ts";
import type { LoraConfig } from "../../formats/lora_config.ts";
import type { AnswerSettings } from "./answer_settings.ts";
import type { ChartSpec } from "./chart_spec.ts";
import type { Generator } from "./fleet/generator.ts";
import type { GeneratorContext, RunContext, RunTask } from "./run_task.ts";

/** Settings that runs of every kind have. */
export interface RunSettings extends RunDeviceOptions {
  /** Name of the kind. */
  readonly kind: string;
  /** Folder to create for the results; null for runs/<time>-<name>. */
  readonly output: string | null;
  /** Name of the run; null for the model's. */
  readonly name: string | null;
  /** Model that is trained, where there is one. */
  readonly model?: string;
  /** File with a chat template in place of the model's; null or absent for its own. */
  readonly chatTemplate?: string | null;
  /** Steps between checkpoints; 0 to save one only at the end. */
  readonly saveEvery: number;
  /** Number of checkpoints to keep: the latest ones, and the best. */
  readonly keep: number;
  /** Format in which metrics are written beside `metrics.jsonl`. */
  readonly log: "none" | "tensorboard";
  /** Progress bar on a terminal. */
  readonly progress: boolean;
  /** 256-bit vectors on the WASM device, which are decided when the process starts. */
  readonly turbo?: boolean;
}

/**
 * A kind of run, by the name that `config.json` has as `kind`. The command line, the site, resuming,
 * listing and publishing know a run by its kind alone; each kind is one room here and a line in
 * `registry.ts`.
 */
export interface RunKind<
  Config extends RunSettings = RunSettings,
  Stats = unknown,
  Measurement = unknown,
  Summary extends object = object,
> {
  /** Name in `config.json`: "ppo". */
  readonly kind: string;
  /** Name for people: "PPO". */
  readonly title: string;
  /** Settings: the schema behind flags, `--config`, `config.json` and the settings page. */
  readonly schema: z.ZodObject;
  /** Settings that may differ when a run is resumed: those that do not decide the steps done. */
  readonly mayChange: readonly string[];
  /** Statistics of the last step that lists show, in order. */
  readonly headline: readonly HeadlineMetric[];
  /** Charts of the run's page. */
  readonly charts: readonly ChartSpec[];
  /** Statistics that the terminal draws. */
  readonly curves: readonly string[];
  /** Statistics whose seconds, added up, are a step's time. */
  readonly stepTimes: readonly string[];
  /** Subcommand of `temper` that starts and resumes it: "train"; absent where only a script does. */
  readonly command?: string;
  /** Trained model scores texts: it can be a reward. */
  readonly scores?: boolean;
  /**
   * Comparisons of before and after training, the most telling first, from a `summary.json` of this
   * kind, also a broken one.
   */
  changes(summary: Readonly<Record<string, unknown>>): Change[];
  /** Reader of the measurement that a run makes before its first step; absent where it makes none. */
  readonly before?: MeasurementReader;
  /** Advice on a run that goes wrong without an error; absent where there is none to give. */
  readonly advice?: RunAdvice;
  /** Files of a finished run that are published beside its result, but for those of every kind. */
  readonly records?: readonly string[];
  /** Schema of `summary.json`. */
  readonly summarySchema: z.ZodType<Summary>;
  /**
   * Fills in defaults and checks settings.
   *
   * @throws {UserError} naming the setting, its value and what is allowed
   */
  resolve(settings: Readonly<Record<string, unknown>>): Config;
  /**
   * Settings that responses are made with; absent where the trained model does not write text, and so
   * cannot be tried on the site.
   */
  answerSettings?(config: Config): AnswerSettings;
  /**
   * Loads a policy that responds as the run's trainer does; absent where training generates nothing.
   *
   * @param lora settings of the adapter that is trained
   * @throws {UserError} when something is missing or broken
   */
  openGenerator?(context: GeneratorContext<Config>, lora: LoraConfig): Promise<Generator>;
  /**
   * Loads and checks all that a run needs, and tells about it.
   *
   * @throws {UserError} when something is missing or broken, or does not go together
   * @throws {OutOfMemoryError} when training would not fit on the device
   */
  open(context: RunContext<Config>): Promise<RunTask<Stats, Measurement, Summary>>;
}

/** Advice from a run's last steps. */
export interface RunAdvice {
  /** Number of steps that it takes. */
  readonly steps: number;
  /**
   * Gives the advice, in one line with settings in backticks; null where all is well.
   *
   * @param rows last rows of `metrics.jsonl`, which may be broken: `steps` of them
   */
  of(rows: readonly Readonly<Record<string, unknown>>[]): string | null;
}

/** A statistic of `metrics.jsonl` in a list of runs. */
export interface HeadlineMetric {
  /** Name in `metrics.jsonl`. */
  readonly metric: string;
  /** Heading of its column: "reward". */
  readonly label: string;
  /** Direction in which it improves; null where neither is better. */
  readonly better: "lower" | "higher" | null;
}

/** A measurement in a run's folder, read without what trains. */
export interface MeasurementReader {
  /** File in the run's folder. */
  readonly file: string;
  /** Its numbers, the most telling first, from a file that may be broken. */
  read(measurement: Readonly<Record<string, unknown>>): Measured[];
}

/** A number of a measurement. */
export interface Measured {
  /** Name: "toxicity". */
  readonly label: string;
  readonly value: number;
  /** Number of prompts that it is the mean of, where that is known. */
  readonly count?: number;
}

/** A number measured before and after training. */
export interface Change {
  /** Name: "toxicity". */
  readonly label: string;
  readonly before: number;
  readonly after: number;
  /** Number of prompts that it is the mean of, where that is known. */
  readonly count?: number;
  /** Direction in which it improves. */
  readonly better: "lower" | "higher";
  /** 95 % confidence intervals of the two, where they were computed. */
  readonly intervals?: { readonly before: Interval; readonly after: Interval };
}

/** Lower and upper bound. */
export type Interval = readonly [low: number, high: number];
