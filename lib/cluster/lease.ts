import { RunInterruptedError, UserError } from "../errors.ts";
import type { KV, KvEntry } from "../packages/nats.ts";
import { decodeEntry, encode, type LeaseEntry } from "./messages.ts";
import { pause } from "./patience.ts";
import { HEARTBEAT_MS, MAX_ENTRY_BYTES } from "./topology.ts";

const KEY = "lease";
/** Time without a renewal after which another trainer may take a lease, in milliseconds. */
const LEASE_MS = 5 * HEARTBEAT_MS;
/** Holder of a lease that cannot be read. */
const UNKNOWN: LeaseEntry = { holder: "", host: "an unknown machine", step: 0, steps: 0 };

/** Wait for a lease that another trainer has. */
export interface LeaseWait {
  /** Called once, if there is another trainer. */
  waiting(holder: LeaseEntry): void;
  /** Ends the wait when it aborts. */
  readonly signal?: AbortSignal;
  /** Time without a renewal after which the lease may be taken, in milliseconds. */
  readonly patience?: number;
}

/** Right to be a run's only trainer. The server's revisions decide, not the clocks of machines. */
export class Lease implements AsyncDisposable {
  #revision: number;
  #isLost = false;
  #step = 0;
  #renewal: Promise<void> = Promise.resolve();
  readonly #timer: ReturnType<typeof setInterval>;

  private constructor(
    private readonly entries: KV,
    private readonly entry: Omit<LeaseEntry, "step">,
    revision: number,
  ) {
    this.#revision = revision;
    this.#timer = setInterval(() => this.#renewal = this.#renew(), HEARTBEAT_MS);
  }

  /**
   * Takes the lease. That of a trainer that died is taken once it has not been renewed for a while.
   *
   * @throws {RunInterruptedError} when the signal aborts before
   * @throws {UserError} when another trainer renews it
   */
  static async take(
    entries: KV,
    entry: Omit<LeaseEntry, "step">,
    { waiting, signal, patience = LEASE_MS }: LeaseWait,
  ): Promise<Lease> {
    const value = encode("lease", { ...entry, step: 0 }, MAX_ENTRY_BYTES);
    const held = await entries.get(KEY);
    const holder = held?.operation === "PUT" ? decodeEntry("lease", held) ?? UNKNOWN : null;
    try {
      if (!held || !holder) {
        return new Lease(entries, entry, await entries.create(KEY, value));
      }
      waiting(holder);
      await pause(patience, signal);
      if (signal?.aborted) {
        throw new RunInterruptedError("stopped while a heartbeat of another trainer was awaited");
      }
      return new Lease(entries, entry, await entries.update(KEY, value, held.revision));
    } catch (error) {
      if (!isConflict(error)) throw error;
      const by = holder ?? decodeEntry("lease", await entries.get(KEY));
      throw new UserError(
        `another trainer has the run${
          by ? ` (on ${by.host})` : ""
        }: wait until it is done, or stop it`,
        { cause: error },
      );
    }
  }

  /** Step in progress, which the next renewal stores. */
  set step(step: number) {
    this.#step = step;
  }

  /** @throws {UserError} when another trainer has taken the lease */
  check(): void {
    if (!this.#isLost) return;
    throw new UserError(
      "another trainer has taken the run over, since this one sent no heartbeat for a while",
    );
  }

  async #renew(): Promise<void> {
    if (this.#isLost) return;
    try {
      const value = encode("lease", { ...this.entry, step: this.#step }, MAX_ENTRY_BYTES);
      this.#revision = await this.entries.update(KEY, value, this.#revision);
    } catch (error) {
      if (!isConflict(error)) return; // The server is away: the next renewal may succeed.
      // The answer to a renewal of ours may have been lost.
      const found = await this.entries.get(KEY).catch(() => null);
      const by = decodeEntry("lease", found);
      if (found && by?.holder === this.entry.holder) this.#revision = found.revision;
      else if (found) this.#isLost = true;
    }
  }

  /** Releases the lease. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewal;
    if (this.#isLost) return;
    this.#isLost = true;
    // If that fails, the lease expires.
    await this.entries.delete(KEY, { previousSeq: this.#revision }).catch(() => {});
  }
}

/** A trainer, by its latest heartbeat. */
export type ListedTrainer = Omit<LeaseEntry, "holder"> & {
  /** True where it sends heartbeats. */
  readonly isAlive: boolean;
};

/** Finds a run's trainer, which may have been killed; null for none. */
export async function findTrainer(entries: KV): Promise<ListedTrainer | null> {
  const entry = await entries.get(KEY);
  const lease = decodeEntry("lease", entry);
  if (!entry || !lease) return null;
  const { host, step, steps } = lease;
  return { host, step, steps, isAlive: await isRenewed(entries, entry) };
}

/** Tells whether a lease is renewed. */
async function isRenewed(entries: KV, { created, revision }: KvEntry): Promise<boolean> {
  // Clocks of machines may differ: they only spare the wait for the next heartbeat.
  if (Math.abs(Date.now() - created.getTime()) < LEASE_MS) return true;
  await pause(1.5 * HEARTBEAT_MS);
  return (await entries.get(KEY))?.revision !== revision;
}

function isConflict(error: unknown): boolean {
  return error instanceof Error && /wrong last sequence/i.test(error.message);
}
