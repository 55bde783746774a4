import { join } from "node:path";
import { writeFileAtomic } from "../platform/atomic_write.ts";
import { removeFile } from "../platform/files.ts";
import {
  FLEET_STATE_FILE,
  type FleetState,
  MAX_LISTED_WORKERS,
} from "../runs/kinds/fleet/fleet_state.ts";
import type { AttachedRun } from "./attached_run.ts";
import { CONSUMER, HEARTBEAT_MS } from "./topology.ts";
import { listWorkers } from "./workers.ts";

/** The part of a fleet's state that the trainer itself knows. */
export type StepState = Pick<FleetState, "step" | "policy" | "staleness" | "ready">;

/** Writes the state of a run's workers into its folder, for the site. */
export class FleetWatch implements AsyncDisposable {
  #written = "";
  #look: Promise<void> = Promise.resolve();
  readonly #timer: ReturnType<typeof setInterval>;

  /** @param current the trainer's part of the state, as it is now */
  constructor(private readonly run: AttachedRun, private readonly current: () => StepState) {
    this.#timer = setInterval(
      () => this.#look = this.#look.then(() => this.#write()),
      HEARTBEAT_MS,
    );
  }

  async #write(): Promise<void> {
    const { connection, stores } = this.run;
    try {
      const [{ num_pending, num_ack_pending }, listed] = await Promise.all([
        connection.jsm.consumers.info(stores.names.workStream, CONSUMER),
        listWorkers(connection, stores),
      ]);
      const state: FleetState = {
        address: connection.address,
        ...this.current(),
        waiting: num_pending,
        working: num_ack_pending,
        workers: listed.slice(0, MAX_LISTED_WORKERS),
      };
      const text = JSON.stringify(state) + "\n";
      if (text === this.#written) return;
      await writeFileAtomic(join(this.run.folder, FLEET_STATE_FILE), text);
      this.#written = text;
    } catch {
      // The server is away, or the disk is full: those who need them will say so.
    }
  }

  /** Removes the state. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#look;
    await removeFile(join(this.run.folder, FLEET_STATE_FILE)).catch(() => {});
  }
}
