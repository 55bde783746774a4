import { MetricColumns, type MetricsKind } from "../shared/metric_columns.ts";
import { parseObject } from "../shared/json_rows.ts";
import { LineFollower } from "./json_lines.ts";

/** A run's statistics, in columns, kept up with its `metrics.jsonl`. */
export class RunMetrics extends MetricColumns {
  readonly #follower: LineFollower;
  #reading: Promise<void> | null = null;

  /** Reads nothing yet. */
  constructor(path: string, kind: MetricsKind) {
    super(kind);
    this.#follower = new LineFollower(path);
  }

  /** Reads rows added since the last call; calls at the same time share one reading. */
  update(): Promise<void> {
    return this.#reading ??= this.#follower.read(
      (lines) => {
        for (const { text } of lines) this.append(parseObject(text));
      },
      () => this.cut(0),
    ).finally(() => this.#reading = null);
  }
}
