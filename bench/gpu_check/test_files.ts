import type { ProcessEnd } from "./subprocess.ts";

/** Tests of a file. */
export interface TestFile {
  /** Path in the repository. */
  readonly file: string;
  readonly passed: number;
  readonly ignored: number;
  readonly failed: readonly { readonly name: string; readonly message: string }[];
  /** True where its time ran out; the tests until then count. */
  readonly cutShort: boolean;
  /** Reason why the tests did not end by themselves; null where they did, or ran out of time. */
  readonly crash: string | null;
  readonly seconds: number;
}

/** Signals of an abort and of a segmentation fault. */
const CRASHES: readonly (string | null)[] = ["SIGABRT", "SIGSEGV"];

/** Reads what `deno test --reporter=tap` prints about a file. */
export class TapReader {
  #passed = 0;
  #ignored = 0;
  #complete = false;
  readonly #failed: { name: string; message: string }[] = [];

  /** Takes the next line. Indented ones are of a test's steps. */
  readonly line = (line: string): void => {
    const [, not, name, skip] = /^(not )?ok \d+ - (.*?)( # SKIP)?$/.exec(line) ?? [];
    const message = /^ {2}(\{"message":.*\})$/.exec(line)?.[1];
    if (skip) this.#ignored++;
    else if (not) this.#failed.push({ name, message: "" });
    else if (name !== undefined) this.#passed++;
    else if (message && this.#failed.length > 0) {
      this.#failed.at(-1)!.message = JSON.parse(message).message;
    } else if (/^1\.\.\d+$/.test(line)) this.#complete = true;
  };

  /** Result, once the process has ended. */
  result(file: string, { code, signal, complaint }: ProcessEnd, seconds: number): TestFile {
    const passed = this.#complete && this.#failed.length === 0;
    // While Mesa's llvmpipe is unloaded, after all tests, glibc sometimes finds a corrupted heap.
    const atExit = passed && CRASHES.includes(signal);
    const reported = code === null || code === 0 || atExit || this.#failed.length > 0;
    const counts = { passed: this.#passed, ignored: this.#ignored, failed: this.#failed };
    const crash = reported
      ? null
      : `ended with ${signal ?? `code ${code}`}: ${lastLine(complaint)}`;
    return { file, ...counts, cutShort: code === null, crash, seconds };
  }
}

function lastLine(text: string): string {
  return text.split("\n").at(-1)!;
}
