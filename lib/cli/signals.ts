import { leave } from "./process_guard.ts";
import { printError } from "./terminal.ts";

/** Requests to stop a run: Ctrl-C and SIGTERM. */
export interface Stop extends Disposable {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** Exit code after a signal: 128 plus its number, as in shells. */
  exitCode(): number;
}

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** Signals that ask a process to stop. Windows has Ctrl-C, but no SIGTERM. */
export function stopSignals(
  os: typeof Deno.build.os = Deno.build.os,
): readonly (keyof typeof EXIT_CODES)[] {
  return os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
}

/**
 * Turns the first signal into a request to stop; the second ends the process at once.
 *
 * @param line printed at the first signal
 */
export function stopOnSignals(
  line: string = "finishing the step and saving; press Ctrl-C again to stop at once",
): Stop {
  const controller = new AbortController();
  let exitCode = 1;
  const listeners = stopSignals().map((name) => {
    const listener = () => {
      exitCode = EXIT_CODES[name];
      if (controller.signal.aborted) leave(exitCode);
      printError(`\n${line}`);
      controller.abort();
    };
    Deno.addSignalListener(name, listener);
    return { name, listener };
  });
  return {
    signal: controller.signal,
    exitCode: () => exitCode,
    [Symbol.dispose]() {
      for (const { name, listener } of listeners) Deno.removeSignalListener(name, listener);
    },
  };
}
