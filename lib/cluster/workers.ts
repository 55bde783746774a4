import { decodeEntry, type WorkerEntry } from "./messages.ts";
import type { Connection } from "./connection.ts";
import { type RunNames, type RunStores, subjectsIn } from "./topology.ts";

/** A worker of a run, by its latest heartbeat. */
export type ListedWorker = WorkerEntry & { readonly name: string };

/**
 * Names of the workers of a run that have sent a heartbeat lately. The bucket's own list of keys waits
 * for ever if a heartbeat replaces one that it was about to read.
 */
export async function workerNames(
  { jsm }: Connection,
  { workersBucket }: RunNames,
): Promise<string[]> {
  const prefix = `$KV.${workersBucket}.`;
  const subjects = await subjectsIn(jsm, `KV_${workersBucket}`, `${prefix}>`);
  return subjects.map((subject) => subject.slice(prefix.length)).sort();
}

/** Lists the workers of a run that have sent a heartbeat lately, by name. */
export async function listWorkers(
  connection: Connection,
  { names, workers: bucket }: RunStores,
): Promise<ListedWorker[]> {
  const found = await workerNames(connection, names);
  const workers = await Promise.all(found.map(async (name) => {
    const worker = decodeEntry("worker", await bucket.get(name));
    return worker && { name, ...worker };
  }));
  return workers.filter((worker) => worker !== null);
}

/** Removes a worker from the list, without the marker that the bucket would leave. */
export async function removeWorker(
  { jsm }: Connection,
  { workersBucket }: RunNames,
  name: string,
): Promise<void> {
  await jsm.streams.purge(`KV_${workersBucket}`, { filter: `$KV.${workersBucket}.${name}` });
}
