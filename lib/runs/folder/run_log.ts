import { appendText } from "../../platform/files.ts";
import { visibleText } from "../../visible_text.ts";

/** A run's `log.txt`: what the run says beside its numbers, a line each with the time. */
export class RunLog {
  #path: string | null = null;
  #waiting = "";

  /**
   * From now on the log is in a file, behind what is there already; what was said before is written
   * at once. Until then nothing is, so that a run that does not start leaves nothing behind.
   */
  open(path: string): void {
    this.#path = path;
    this.#write(this.#waiting);
    this.#waiting = "";
  }

  /** Adds a text of one or more lines; control characters in it are shown as symbols. */
  add(text: string): void {
    const time = new Date().toISOString().slice(0, 19) + "Z";
    const lines = visibleText(text).split("\n").map((line) => `${time}  ${line}\n`).join("");
    if (this.#path === null) this.#waiting += lines;
    else this.#write(lines);
  }

  #write(lines: string): void {
    try {
      appendText(this.#path!, lines);
    } catch {
      // A full disk stops a run where its results are written, with a message; not here.
    }
  }
}
