import type { Connection } from "./connection.ts";
import { isFull, isGone, isTransient, pause, reasonOf } from "./patience.ts";
import type { RunNames } from "./topology.ts";

/**
 * Returns if an error will pass, because the server is away or full for now.
 *
 * @throws the error if it will not, or that of the run's stream if that is gone
 */
export async function endure(
  { jsm }: Connection,
  { resultStream }: RunNames,
  error: unknown,
): Promise<void> {
  if (isFull(error)) return;
  if (!isTransient(error)) throw error;
  // A stream that is gone does not answer either.
  await jsm.streams.info(resultStream).catch((found) => {
    if (isGone(found)) throw found;
  });
}

/** Settings of {@linkcode patiently}. */
export interface Patience {
  /** Names of what the run has on the server. */
  readonly names: RunNames;
  /** Time between attempts, in milliseconds. */
  readonly pauseMs: number;
  /** Ends a pause when it aborts. */
  readonly signal?: AbortSignal;
  /** Called before another attempt; throws to give up. */
  check(): void;
  /** Called once if the server has no room. */
  full(reason: string): void;
}

/** Does something at the server, again and again while the server is away or full. */
export async function patiently<Value>(
  connection: Connection,
  { names, pauseMs, signal, check, full }: Patience,
  action: () => Promise<Value>,
): Promise<Value> {
  for (let isTold = false;;) {
    try {
      return await action();
    } catch (error) {
      await endure(connection, names, error);
      if (isFull(error) && !isTold) {
        isTold = true;
        full(reasonOf(error));
      }
    }
    await pause(pauseMs, signal);
    check();
  }
}
