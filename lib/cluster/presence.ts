import type { Connection } from "./connection.ts";
import { encode, type WorkerEntry } from "./messages.ts";
import { HEARTBEAT_MS, MAX_ENTRY_BYTES, type RunStores } from "./topology.ts";
import { removeWorker, workerNames } from "./workers.ts";

/** Heartbeat of a worker while it serves a run, and the number of workers that send one. */
export class Presence implements AsyncDisposable {
  /** Number of workers of the run, this one included. */
  workers = 1;
  #entry: WorkerEntry = {
    ...{ device: "", state: "loading" },
    ...{ rollouts: 0, tokensPerSecond: 0, idle: 0 },
  };
  #tokens = 0;
  #seconds = 0;
  /** Time when the worker was first ready, and time without work since then, in milliseconds. */
  #ready: number | null = null;
  #idle = 0;
  #waitingSince: number | null = null;
  #heartbeat: Promise<void> = Promise.resolve();
  readonly #timer: ReturnType<typeof setInterval>;

  /** Sends the first heartbeat. */
  constructor(
    private readonly connection: Connection,
    private readonly stores: RunStores,
    private readonly name: string,
  ) {
    this.#heartbeat = this.#send();
    this.#timer = setInterval(() => this.#heartbeat = this.#send(), HEARTBEAT_MS);
  }

  /** Changes the entry that the next heartbeat stores. */
  update(changes: Partial<Pick<WorkerEntry, "device" | "state">>): void {
    this.#entry = { ...this.#entry, ...changes };
    const now = performance.now();
    if (this.#waitingSince !== null) this.#idle += now - this.#waitingSince;
    this.#waitingSince = this.#entry.state === "waiting" ? now : null;
    if (this.#entry.state !== "loading") this.#ready ??= now;
  }

  /** Adds finished work to the entry. */
  did(rollouts: number, tokens: number, seconds: number): void {
    this.#tokens += tokens;
    this.#seconds += seconds;
    this.#entry = {
      ...this.#entry,
      rollouts: this.#entry.rollouts + rollouts,
      tokensPerSecond: this.#tokens / Math.max(this.#seconds, 1e-9),
    };
  }

  async #send(): Promise<void> {
    // Adds the wait that is still going on.
    this.update({});
    const since = performance.now() - (this.#ready ?? 0);
    if (this.#ready !== null) this.#entry.idle = Math.min(1, this.#idle / Math.max(since, 1));
    try {
      const { workers, names } = this.stores;
      await workers.put(this.name, encode("worker", this.#entry, MAX_ENTRY_BYTES));
      this.workers = Math.max(1, (await workerNames(this.connection, names)).length);
    } catch {
      // The server is away, or the run has ended: the next request for work finds out which.
    }
  }

  /** Removes the entry. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#heartbeat;
    await removeWorker(this.connection, this.stores.names, this.name).catch(() => {});
  }
}
