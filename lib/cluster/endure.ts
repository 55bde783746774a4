import type { Connection } from "./connection.ts";
import {
  isDiskFull,
  isFull,
  isGone,
  isQueueFull,
  isTransient,
  pause,
  reasonOf,
} from "./patience.ts";
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

/** Time for which a server may be away before people are told, in milliseconds. */
const AWAY_MS = 10_000;

/** Tells people that a server is full or away, once until it is back. */
export class Outage {
  #since: number | null = null;
  #isTold = false;

  /**
   * @param address the server's
   * @param waiter who waits for it, for people
   * @param info called with a line for people
   */
  constructor(
    private readonly address: string,
    private readonly waiter: string,
    private readonly info: (line: string) => void,
  ) {}

  /** Notes an error that will pass. */
  met(error: unknown): void {
    const now = performance.now();
    this.#since ??= now;
    if (this.#isTold || !isFull(error) && now - this.#since < AWAY_MS) return;
    this.#isTold = true;
    this.info(`NATS at ${this.address} ${this.#trouble(error)}`);
  }

  #trouble(error: unknown): string {
    const waits = `(${reasonOf(error)}): ${this.waiter} waits`;
    if (!isFull(error)) {
      return `does not answer ${waits}; if its disk is full, make room there and start it again`;
    }
    if (isQueueFull(error)) return `has a full queue ${waits} until some of it is done`;
    // The server does not recover from a full disk by itself.
    return isDiskFull(error)
      ? `has a full disk ${waits}; make room there and start it again`
      : `has no room ${waits} until other runs have ended, or max_file_store is raised`;
  }

  /** Notes that the server did something. */
  over(): void {
    if (this.#isTold) this.info(`NATS at ${this.address} is back: ${this.waiter} goes on`);
    this.#since = null;
    this.#isTold = false;
  }
}

/** Settings of {@linkcode patiently}. */
export interface Patience {
  /** Names of what the run has on the server. */
  readonly names: RunNames;
  /** Time between attempts, in milliseconds. */
  readonly pauseMs: number;
  /** Ends a pause when it aborts. */
  readonly signal?: AbortSignal;
  /** Tells people about the server. */
  readonly outage: Outage;
  /** Called before another attempt; throws to give up. */
  check(): void;
}

/** Does something at the server, again and again while the server is away or full. */
export async function patiently<Value>(
  connection: Connection,
  { names, pauseMs, signal, outage, check }: Patience,
  action: () => Promise<Value>,
): Promise<Value> {
  for (;;) {
    try {
      const value = await action();
      outage.over();
      return value;
    } catch (error) {
      await endure(connection, names, error);
      outage.met(error);
    }
    await pause(pauseMs, signal);
    check();
  }
}
