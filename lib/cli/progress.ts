import { visibleLine, visibleText } from "../visible_text.ts";
import type { Terminal } from "./terminal.ts";
import { displayWidth, truncate } from "./text_layout.ts";

/** Report of a training step. */
export interface StepReport {
  /** Number of steps done, this one included. */
  step: number;
  /** Figures of the step by name: reward, KL, loss. */
  figures: Readonly<Record<string, number>>;
}

/** Options of {@linkcode Progress}. */
export interface ProgressOptions {
  /** Number of steps of the run. */
  total: number;
  /** Number of steps done before the clock starts, in a resumed run. Default: 0. */
  done?: number;
  /** Terminal that shows it. */
  terminal: Terminal;
  /** Clock in milliseconds, for tests. Default: `performance.now`. */
  now?: () => number;
}

/** Escape sequence that clears the cursor's line and returns to its start. */
export const CLEAR_LINE = "\r\x1b[2K";
/** Minimum columns of a bar. */
export const SHORTEST_BAR = 8;
/** Maximum columns of a bar. */
export const LONGEST_BAR = 30;

/** Progress of a training run: one line that redraws itself on a terminal, otherwise a line per step. */
export class Progress {
  readonly #total: number;
  readonly #done: number;
  readonly #terminal: Terminal;
  readonly #now: () => number;
  readonly #start: number;
  #line = "";

  /** The clock starts here. */
  constructor(options: ProgressOptions) {
    this.#total = options.total;
    this.#done = options.done ?? 0;
    this.#terminal = options.terminal;
    this.#now = options.now ?? (() => performance.now());
    this.#start = this.#now();
  }

  /** Shows that a step is done. */
  update(report: StepReport): void {
    // Steps before the clock started count with the mean time of those since.
    const elapsed = (this.#now() - this.#start) / 1000;
    const seconds = elapsed * report.step / Math.max(1, report.step - this.#done);
    if (!this.#terminal.interactive) {
      this.#terminal.write(plainLine(report, this.#total, seconds) + "\n");
      return;
    }
    const { width, color } = this.#terminal;
    // Some terminals wrap when the last column is written.
    this.#line = barLine(report, this.#total, seconds, width - 1, color);
    this.#terminal.draw(CLEAR_LINE + this.#line);
  }

  /** Writes a line above the bar. */
  log(line: string): void {
    if (this.#line === "") this.#terminal.write(line + "\n");
    else this.#terminal.draw(`${CLEAR_LINE}${visibleText(line)}\n${this.#line}`);
  }

  /** Leaves the last state of the bar on the screen and goes to the next line. */
  finish(): void {
    if (this.#line !== "") this.#terminal.write("\n");
    this.#line = "";
  }
}

/** Steps per second where that is above one, otherwise seconds per step. */
function rate(step: number, seconds: number): string {
  if (step === 0 || seconds <= 0) return "";
  const perSecond = step / seconds;
  return perSecond >= 1
    ? `${perSecond.toFixed(1)} steps/s`
    : `${(1 / perSecond).toFixed(1)} s/step`;
}

/** A duration for people: `42s`, `3m05s`, `2h07m`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${two(Math.floor(whole / 60) % 60)}m`;
}

function facts(report: StepReport, total: number, seconds: number): string[] {
  const { step } = report;
  const left = step > 0 ? seconds / step * (total - step) : NaN;
  return [
    ...Object.entries(report.figures).map(([name, value]) =>
      `${visibleLine(name)} ${value.toFixed(3)}`
    ),
    rate(step, seconds),
    Number.isFinite(left) ? `${formatDuration(left)} left` : "",
  ].filter(Boolean);
}

function plainLine(report: StepReport, total: number, seconds: number): string {
  return [`step ${report.step}/${total}`, ...facts(report, total, seconds)].join("  ");
}

function barLine(
  report: StepReport,
  total: number,
  seconds: number,
  width: number,
  color: boolean,
): string {
  const count = `${String(report.step).padStart(String(total).length)}/${total}`;
  const text = facts(report, total, seconds).join("  ");
  const room = Math.min(LONGEST_BAR, width - displayWidth(count) - displayWidth(text) - 3);
  if (room < SHORTEST_BAR) return truncate(`${count}  ${text}`, width);
  const share = report.step / Math.max(1, total);
  return `${count} ${bar(share, room, color)}  ${text}`;
}

/** A bar of `length` columns, filled to a share between 0 and 1. */
export function bar(share: number, length: number, color: boolean): string {
  const filled = Math.min(length, Math.round(length * share));
  const [done, todo] = ["━".repeat(filled), "━".repeat(length - filled)];
  // Without color, the two parts need different characters.
  return color ? `\x1b[32m${done}\x1b[90m${todo}\x1b[0m` : done + "·".repeat(todo.length);
}
