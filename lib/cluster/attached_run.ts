import { hostname } from "node:os";
import { RunInterruptedError, UserError } from "../errors.ts";
import { z } from "../packages/zod.ts";
import type { FleetRun } from "../runs/kinds/fleet/rollout_fleet.ts";
import type { Connection } from "./connection.ts";
import { endure, Outage, patiently } from "./endure.ts";
import { fleetId } from "./fleet_id.ts";
import { Lease } from "./lease.ts";
import { isFull, isGone, isTransient, reasonOf } from "./patience.ts";
import { createRunStores, RESERVED_MIB, type RunStores } from "./topology.ts";

/** Time between attempts at a server that is away or full, in milliseconds. */
const RETRY_MS = 2000;

const settingsSchema = z.looseObject({
  steps: z.int(),
  staleness: z.int(),
  saveEvery: z.int(),
});

/** A run that this process trains, with its lease on a server. */
export class AttachedRun {
  readonly #outage: Outage;

  private constructor(
    readonly connection: Connection,
    private readonly run: FleetRun,
    /** Id of the run on the server. */
    readonly id: string,
    readonly stores: RunStores,
    readonly lease: Lease,
    readonly settings: z.output<typeof settingsSchema>,
    private readonly checkFleet: () => void,
  ) {
    this.#outage = new Outage(connection.address, "the run", (line) => this.info(line));
  }

  /**
   * Creates what a run needs on a server, and takes its lease.
   *
   * @param checkFleet called between attempts at the server; throws when there is nobody left to respond
   * @throws {UserError} when the run draws no rollouts, another trainer has it, or the server has no room
   */
  static async open(
    connection: Connection,
    run: FleetRun,
    checkFleet: () => void,
  ): Promise<AttachedRun> {
    const settings = settingsSchema.safeParse(run.config);
    if (!settings.success) {
      throw new UserError(
        `a run of kind ${run.config.kind} draws no rollouts: workers have nothing to do in it`,
      );
    }
    const { steps } = settings.data;
    const id = await fleetId(run.folder);
    try {
      const stores = await createRunStores(connection, id);
      const entry = { holder: crypto.randomUUID(), host: hostname(), steps };
      const lease = await Lease.take(stores.entries, entry, {
        signal: run.signal,
        waiting: ({ host }) =>
          run.info(
            `another trainer, on ${host}, has had the run: waiting for a heartbeat from it`,
          ),
      });
      return new AttachedRun(connection, run, id, stores, lease, settings.data, checkFleet);
    } catch (cause) {
      const { address } = connection;
      if (isFull(cause)) {
        throw new UserError(
          `NATS at ${address} has no room for the run, which reserves ${RESERVED_MIB} MiB: ` +
            "raise max_file_store, or remove runs that have ended (temper cluster)",
          { cause },
        );
      }
      if (!isTransient(cause)) throw cause;
      throw new UserError(`NATS at ${address} does not answer: ${reasonOf(cause)}`, { cause });
    }
  }

  /** Run's folder. */
  get folder(): string {
    return this.run.folder;
  }

  /** Settings of the run, resolved. */
  get config(): FleetRun["config"] {
    return this.run.config;
  }

  /** Fingerprints of what the run loaded. */
  get fingerprints(): FleetRun["fingerprints"] {
    return this.run.fingerprints;
  }

  /** Tells people a line. */
  info(line: string): void {
    this.run.info(line);
  }

  /** @throws {UserError} when the run cannot go on: lost, or stopped by its user */
  check(): void {
    this.lease.check();
    this.checkFleet();
    if (this.run.signal?.aborted) throw new RunInterruptedError("stopped while workers responded");
  }

  /** Does something at the server, again and again while the server is away or full. */
  async patiently<Value>(action: () => Promise<Value>): Promise<Value> {
    this.check();
    const patience = {
      ...{ names: this.stores.names, pauseMs: RETRY_MS, signal: this.run.signal },
      outage: this.#outage,
      check: () => this.check(),
    };
    try {
      return await patiently(this.connection, patience, action);
    } catch (error) {
      throw explained(error);
    }
  }

  /**
   * Returns if an error will pass, because the server is away or full for now.
   *
   * @throws {UserError} when what the run had at the server is gone; other errors as they are
   */
  async endure(error: unknown): Promise<void> {
    try {
      await endure(this.connection, this.stores.names, error);
    } catch (lasting) {
      throw explained(lasting);
    }
    this.#outage.met(error);
  }

  /** Notes that the server did something, after errors that passed. */
  answered(): void {
    this.#outage.over();
  }
}

function explained(error: unknown): unknown {
  if (!isGone(error)) return error;
  return new UserError("the run's data at NATS was removed, perhaps by temper cluster remove", {
    cause: error,
  });
}
