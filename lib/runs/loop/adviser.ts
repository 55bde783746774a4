import type { RunAdvice } from "../kinds/run_kind.ts";
import type { MetricsRow } from "../folder/export.ts";

/** Watches the last steps of a run, and gives the advice of its kind once each time there is need of it. */
export class Adviser {
  readonly #rows: MetricsRow[] = [];
  #isNeeded = false;

  /** Has seen nothing yet. */
  constructor(private readonly advice: RunAdvice | undefined) {}

  /** Takes the row of a step. @returns advice that was not needed a step ago; else null */
  add(row: MetricsRow): string | null {
    const { advice } = this;
    if (!advice) return null;
    this.#rows.push(row);
    if (this.#rows.length > advice.steps) this.#rows.shift();
    const text = this.#rows.length === advice.steps ? advice.of(this.#rows) : null;
    const isNew = text !== null && !this.#isNeeded;
    this.#isNeeded = text !== null;
    return isNew ? text : null;
  }
}
