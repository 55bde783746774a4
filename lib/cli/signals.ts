/** Ctrl-C and SIGTERM while a run goes on. */
export interface Stop extends Disposable {
  /** Aborts at the first one. */
  readonly signal: AbortSignal;
  /** What the process ends with when it was stopped: 128 and the signal's number, as in shells. */
  exitCode(): number;
}

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** Turns the first signal into a request to stop, and lets the second end the process at once. */
export function stopOnSignals(): Stop {
  const controller = new AbortController();
  let exitCode = 1;
  // Windows has Ctrl-C, but no SIGTERM.
  const names = Deno.build.os === "windows" ? ["SIGINT"] as const : ["SIGINT", "SIGTERM"] as const;
  const listeners = names.map((name) => {
    const listener = () => {
      exitCode = EXIT_CODES[name];
      if (controller.signal.aborted) Deno.exit(exitCode);
      console.error("\nfinishing the step and saving; press Ctrl-C again to stop at once");
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
