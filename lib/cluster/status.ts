import type { Connection } from "./connection.ts";
import { findTrainer, type ListedTrainer } from "./lease.ts";
import { decodeEntry } from "./messages.ts";
import { isGone } from "./patience.ts";
import { countPolicies } from "./policy_objects.ts";
import { listRuns, openRunStores } from "./topology.ts";
import { type ListedWorker, listWorkers } from "./workers.ts";

/** A run on a server. */
export interface ClusterRun {
  readonly id: string;
  /** Kind of the run, "unknown" before its first step. */
  readonly kind: string;
  /** Process that trains, or was killed; null for none. */
  readonly trainer: ListedTrainer | null;
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
  const ids = await listRuns(connection.jsm);
  const runs = await Promise.all(ids.map((id) =>
    clusterRun(connection, id).catch((error) => {
      // It has ended meanwhile.
      if (isGone(error)) return null;
      throw error;
    })
  ));
  return runs.filter((run) => run !== null);
}

async function clusterRun(connection: Connection, id: string): Promise<ClusterRun> {
  const { jsm } = connection;
  const stores = await openRunStores(connection, id);
  const { entries, names } = stores;
  const [described, trainer, work, results, versions, workers] = await Promise.all([
    entries.get("run"),
    findTrainer(entries),
    jsm.streams.info(names.workStream),
    jsm.streams.info(names.resultStream),
    countPolicies(jsm, names),
    listWorkers(connection, stores),
  ]);
  return {
    id,
    kind: decodeEntry("run", described)?.config.kind ?? "unknown",
    trainer,
    queue: work.state.messages,
    results: results.state.messages,
    versions,
    workers,
  };
}
