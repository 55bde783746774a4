import type { KV } from "../packages/nats.ts";
import { encode, type WorkerEntry } from "./messages.ts";
import { HEARTBEAT_MS } from "./topology.ts";

const MAX_BYTES = 64 * 1024;

/** Sign of life of a worker, given as long as it is there; and the number of workers. */
export class Presence implements AsyncDisposable {
  /** Workers that are there, this one included. */
  workers = 1;
  #entry: WorkerEntry = { device: "", state: "loading", rollouts: 0, tokensPerSecond: 0 };
  #tokens = 0;
  #seconds = 0;
  #sign: Promise<void> = Promise.resolve();
  readonly #timer: ReturnType<typeof setInterval>;

  /** Gives the first sign. */
  constructor(private readonly bucket: KV, private readonly name: string) {
    this.#sign = this.#give();
    this.#timer = setInterval(() => this.#sign = this.#give(), HEARTBEAT_MS);
  }

  /** Changes what the next sign says. */
  update(changes: Partial<Pick<WorkerEntry, "device" | "state">>): void {
    this.#entry = { ...this.#entry, ...changes };
  }

  /** Counts work. */
  did(rollouts: number, tokens: number, seconds: number): void {
    this.#tokens += tokens;
    this.#seconds += seconds;
    this.#entry = {
      ...this.#entry,
      rollouts: this.#entry.rollouts + rollouts,
      tokensPerSecond: this.#tokens / Math.max(this.#seconds, 1e-9),
    };
  }

  async #give(): Promise<void> {
    try {
      await this.bucket.put(this.name, encode("worker", this.#entry, MAX_BYTES));
      let workers = 0;
      for await (const _ of await this.bucket.keys()) workers++;
      this.workers = Math.max(1, workers);
    } catch {
      // The server is away, or the run has ended; who works notices.
    }
  }

  /** Says that the worker is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#sign;
    await this.bucket.delete(this.name).catch(() => {});
  }
}
