import { UserError } from "../errors.ts";
import type { Connection } from "./connection.ts";
import { decode, type RunEntry } from "./messages.ts";
import { isGone, isTransient } from "./patience.ts";
import { CONSUMER, listRuns, openRunStores, runNames, type RunStores } from "./topology.ts";

/** A run that a trainer has described. */
export interface FoundRun {
  readonly id: string;
  readonly stores: RunStores;
  readonly entry: RunEntry;
}

/** Search for a run to work for. */
export class RunSearch {
  /** Runs of other versions of Temper that have been reported. */
  readonly #strange = new Set<string>();

  /**
   * @param wanted id of the run; null for any
   * @param info called with a line for people
   */
  constructor(
    private readonly connection: Connection,
    private readonly wanted: string | null,
    private readonly info: (line: string) => void,
  ) {}

  /**
   * Finds a run that a trainer has described, preferably one with work; null if there is none.
   *
   * @throws {UserError} when the run that is wanted is of another version of Temper
   */
  async next(): Promise<FoundRun | null> {
    let idle: FoundRun | null = null;
    try {
      const { wanted } = this;
      for (const id of wanted === null ? await listRuns(this.connection.jsm) : [wanted]) {
        const found = await this.#open(id);
        if (found === null) continue;
        if (wanted !== null || await hasWork(this.connection, id)) return found;
        idle ??= found;
      }
    } catch (error) {
      // A run has ended meanwhile, or the server is away: the next search may succeed.
      if (!isGone(error) && !isTransient(error)) throw error;
    }
    return idle;
  }

  /** Tells whether a run other than this one has work that waits. */
  async hasWorkBeside(id: string): Promise<boolean> {
    for (const other of await listRuns(this.connection.jsm)) {
      if (other === id) continue;
      try {
        if (await this.#open(other) && await hasWork(this.connection, other)) return true;
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    }
    return false;
  }

  async #open(id: string): Promise<FoundRun | null> {
    const stores = await openRunStores(this.connection, id);
    const found = await stores.entries.get("run");
    if (found?.operation !== "PUT") return null;
    const entry = decode("run", found.value);
    if (entry) return { id, stores, entry };
    const problem =
      `run ${id} was described by another version of Temper: use the same on all machines`;
    if (this.wanted !== null) throw new UserError(problem);
    if (!this.#strange.has(id)) this.info(problem);
    this.#strange.add(id);
    return null;
  }
}

/** Tells whether a run has work that no worker has taken. */
async function hasWork({ jsm }: Connection, id: string): Promise<boolean> {
  return (await jsm.consumers.info(runNames(id).workStream, CONSUMER)).num_pending > 0;
}
