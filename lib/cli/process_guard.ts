import { assetUrl } from "../../assets.ts";
import { UserError } from "../errors.ts";
import { reason } from "../rewards/reward.ts";
import { printError } from "./terminal.ts";

/** Watch over what happens in the process beside the command that runs. */
export interface ProcessGuard extends Disposable {
  /** Rejected by an error that nobody catches: in a timer, or of a promise that nobody awaits. */
  readonly failed: Promise<never>;
}

/** Folders of the program's own code, and the file that a bundle makes of them. */
const OWN_CODE = ["lib/", "web/", "kernels/", "cli."];

let leaving = false;

/** Ends the process at once, because the user wants it. */
export function leave(exitCode: number): never {
  leaving = true;
  Deno.exit(exitCode);
}

/**
 * Watches over the process while a command runs. A reward script is code of the user's in the same
 * process: it could end it with exit code 0, as `Deno.exit()` does, and a run would look finished;
 * or never answer, and the process would end with nothing left to do.
 */
export function guardProcess(): ProcessGuard {
  const { promise: failed, reject } = Promise.withResolvers<never>();
  // Where nobody waits for it any more.
  failed.catch(() => {});
  const onError = (event: Event) => {
    event.preventDefault();
    const { reason, error } = event as PromiseRejectionEvent & ErrorEvent;
    reject(strayError(event.type === "error" ? error : reason));
  };
  const onUnload = () => {
    if (leaving) return;
    if (Deno.exitCode === 0) Deno.exitCode = 1;
    printError(
      "error: the program ended before the command was done: a reward script must neither exit " +
        "(Deno.exit, process.exit, close) nor wait for what never comes",
    );
  };
  const listeners = [
    ["unhandledrejection", onError],
    ["error", onError],
    ["unload", onUnload],
  ] as const;
  for (const [name, listener] of listeners) addEventListener(name, listener);
  return {
    failed,
    [Symbol.dispose]() {
      for (const [name, listener] of listeners) removeEventListener(name, listener);
    },
  };
}

/** An error that nobody caught: a bug where the program's own code threw it, else the user's. */
function strayError(error: unknown): unknown {
  const { stack = "" } = error instanceof Error ? error : {};
  const [, thrower = ""] = /\b((?:file|https?):\/\/\S+?:\d+):\d+\)?$/m.exec(stack) ?? [];
  if (OWN_CODE.some((path) => thrower.startsWith(assetUrl(path).href))) return error;
  const place = thrower === ""
    ? ""
    : ` (${decodeURI(thrower.slice(thrower.lastIndexOf("/") + 1))})`;
  return new UserError(
    `an uncaught error: ${reason(error)}${place}; a reward script must await its ` +
      "promises and catch the errors of its timers",
    { cause: error },
  );
}
