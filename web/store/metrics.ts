import { CHARTED, DERIVED, STEP_TIMES, type StepPoint } from "../shared/charts.ts";
import { LineFollower, parseObject } from "./json_lines.ts";

/** Seconds of a whole step: generation, rewards and PPO, or one of supervised fine-tuning. */
export function stepSeconds(row: Record<string, unknown>): number {
  return number(row["time/generate"], 0) + number(row["time/score"], 0) +
    number(row["time/ppo/total"], 0) + number(row["time/step"], 0);
}

/** The statistics of a run that charts show, by columns, kept up with its `metrics.jsonl`. */
export class RunMetrics {
  /** The steps' numbers, ascending. */
  readonly steps: number[] = [];
  /** Seconds of training at the end of each step. */
  readonly elapsed: number[] = [];
  /** How often what was read has turned out to be void, as when a run is resumed from before. */
  restarts = 0;

  readonly #columns = new Map<string, number[]>(CHARTED.map((name) => [name, []]));
  readonly #follower: LineFollower;
  #reading: Promise<void> | null = null;

  /** Reads nothing yet. */
  constructor(path: string) {
    this.#follower = new LineFollower(path);
  }

  /** Reads what the file has got since the last time; callers at the same time share one reading. */
  update(): Promise<void> {
    return this.#reading ??= this.#follower.read(
      (lines) => {
        for (const { text } of lines) this.#append(parseObject(text));
      },
      () => this.#cut(0),
    ).finally(() => this.#reading = null);
  }

  /** Values of a statistic, one a step, NaN where there is none. */
  column(metric: string): readonly number[] {
    return this.#columns.get(metric) ?? [];
  }

  /** A step's point. */
  point(index: number): StepPoint {
    const values = CHARTED.map((name) => [name, finite(this.column(name)[index])]);
    return {
      step: this.steps[index],
      elapsed: finite(this.elapsed[index]) ?? 0,
      values: Object.fromEntries(values),
    };
  }

  #append(row: Record<string, unknown> | null): void {
    const step = row?.step;
    if (row === null || typeof step !== "number") return;
    const from = this.steps.findLastIndex((known) => known < step) + 1;
    if (from < this.steps.length) this.#cut(from);
    const seconds = stepSeconds(row);
    this.steps.push(step);
    this.elapsed.push((this.elapsed.at(-1) ?? 0) + seconds);
    const known = STEP_TIMES.reduce((sum, name) => sum + number(row[name], 0), 0);
    const responses = Array.isArray(row["tokens/responses_dist"])
      ? row["tokens/responses_dist"].length
      : NaN;
    const tokens = number(row["tokens/responses_len_mean"]) * responses;
    const derived: Record<string, number> = {
      [DERIVED.otherTime]: Math.max(0, seconds - known),
      [DERIVED.tokensPerSecond]: tokens / seconds,
    };
    for (const [name, column] of this.#columns) column.push(derived[name] ?? number(row[name]));
  }

  /** Forgets all steps from an index on. */
  #cut(from: number): void {
    this.restarts++;
    this.steps.length = from;
    this.elapsed.length = from;
    for (const column of this.#columns.values()) column.length = from;
  }
}

function number(value: unknown, otherwise: number = NaN): number {
  return typeof value === "number" ? value : otherwise;
}

/** A number as short as a chart can use it: JSON has no NaN, and no pixel has sixteen digits. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(6)) : null;
}
