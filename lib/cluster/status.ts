import type { Connection } from "./connection.ts";
import { decodeEntry, type LeaseEntry } from "./messages.ts";
import { isGone } from "./patience.ts";
import { countPolicies } from "./policy_objects.ts";
import { listRuns, openRunStores } from "./topology.ts";
import { type ListedWorker, listWorkers } from "./workers.ts";

/** A run on a server. */
export interface ClusterRun {
  readonly id: string;
  /** Kind of the run, "unknown" before its first step. */
  readonly kind: string;
  /** Process that trains; null for none. */
  readonly trainer: Omit<LeaseEntry, "holder"> | null;
  /** Prompts that wait or are being worked on. */
  readonly queue: number;
  /** Results that are stored. */
  readonly results: number;
  /** Versions of the policy that are stored. */
  readonly versions: number;
  readonly workers: readonly ListedWorker[];
}

/** Lists the runs on a server, with their workers. */
export async function clusterRuns(connection: Connection): Promise<ClusterRun[]> {
  const runs: ClusterRun[] = [];
  for (const id of await listRuns(connection.jsm)) {
    try {
      runs.push(await clusterRun(connection, id));
    } catch (error) {
      // It has ended meanwhile.
      if (!isGone(error)) throw error;
    }
  }
  return runs;
}

async function clusterRun(connection: Connection, id: string): Promise<ClusterRun> {
  const { jsm } = connection;
  const stores = await openRunStores(connection, id);
  const { entries, names } = stores;
  const [described, lease, work, results, versions] = await Promise.all([
    entries.get("run"),
    entries.get("lease"),
    jsm.streams.info(names.workStream),
    jsm.streams.info(names.resultStream),
    countPolicies(jsm, names),
  ]);
  const run = decodeEntry("run", described);
  const held = decodeEntry("lease", lease);
  return {
    id,
    kind: run?.config.kind ?? "unknown",
    trainer: held && { host: held.host, step: held.step, steps: held.steps },
    queue: work.state.messages,
    results: results.state.messages,
    versions,
    workers: await listWorkers(connection, stores),
  };
}
