import type { EventFile } from "../../formats/tensorboard.ts";
import { appendRow, type MetricsRow, writeEvents } from "../folder/export.ts";
import { JsonLines, truncateRows } from "../folder/jsonl.ts";
import { MetricsFile, readMetrics } from "../folder/metrics.ts";
import type { RunDirectory } from "../folder/run_directory.ts";
import type { StepReport } from "../kinds/run_task.ts";

/** Files that get rows with each step: `metrics.jsonl`, `samples.jsonl`, TensorBoard's events. */
export class StepFiles implements Disposable {
  #samples: JsonLines | null = null;

  private constructor(
    private readonly directory: RunDirectory,
    private readonly metrics: MetricsFile,
    private readonly events: EventFile | null,
  ) {}

  /**
   * Opens the files, cut behind the rows of a step.
   *
   * @throws {UserError} when a row of that step or one before is broken, or a file cannot be written
   */
  static async open(
    directory: RunDirectory,
    lastStep: number,
    log: "none" | "tensorboard",
  ): Promise<StepFiles> {
    for (const path of [directory.metrics, directory.samples]) await truncateRows(path, lastStep);
    const metrics = new MetricsFile(directory.metrics);
    try {
      const events = log === "tensorboard"
        ? await writeEvents(directory.tensorboard, await readMetrics(directory.metrics))
        : null;
      return new StepFiles(directory, metrics, events);
    } catch (error) {
      metrics[Symbol.dispose]();
      throw error;
    }
  }

  /** Appends the rows of a step. @returns that of `metrics.jsonl` @throws {UserError} */
  append(
    step: number,
    metrics: StepReport<unknown>["metrics"],
    samples: readonly object[],
  ): MetricsRow {
    const row = this.metrics.appendStep(step, metrics);
    if (this.events) appendRow(this.events, row);
    if (samples.length > 0) {
      this.#samples ??= new JsonLines(this.directory.samples);
      this.#samples.append(...samples.map((sample) => ({ step, ...sample })));
    }
    return row;
  }

  /** Closes the files. */
  [Symbol.dispose](): void {
    this.metrics[Symbol.dispose]();
    this.events?.[Symbol.dispose]();
    this.#samples?.[Symbol.dispose]();
  }
}
