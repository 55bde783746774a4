import type { KV } from "../packages/nats.ts";
import { decode, type WorkerEntry } from "./messages.ts";

/** A worker of a run, by its latest heartbeat. */
export type ListedWorker = WorkerEntry & { readonly name: string };

/** Lists the workers of a run that have sent a heartbeat lately, by name. */
export async function listWorkers(bucket: KV): Promise<ListedWorker[]> {
  const names = await Array.fromAsync(await bucket.keys());
  const workers = await Promise.all(names.map(async (name) => {
    const entry = await bucket.get(name);
    const worker = entry?.operation === "PUT" ? decode("worker", entry.value) : null;
    return worker && { name, ...worker };
  }));
  return workers.filter((worker) => worker !== null).sort((a, b) => a.name < b.name ? -1 : 1);
}
