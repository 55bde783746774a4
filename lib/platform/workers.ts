import { type MessagePort, parentPort, Worker, workerData } from "node:worker_threads";
import type { Thread } from "./interfaces.ts";

export type { Thread };

/**
 * Starts a thread.
 *
 * @param module address of the module
 * @param data data for the thread, which reads it with {@linkcode threadData}
 * @param transferList ports in the data, which become the thread's
 * @param maxHeapMiB maximum size of its heap, at which the thread ends; else V8's own limit, at which
 *   the whole process does
 */
export function startThread(
  module: URL,
  data: unknown,
  transferList: MessagePort[] = [],
  maxHeapMiB?: number,
): Thread {
  // Node's kind of worker can be unreferenced: a script that forgets close() still ends. It takes
  // file and data URLs only, so that a module from the network is imported from within.
  const entry = new URL(`data:text/javascript,import ${JSON.stringify(module.href)}`);
  // Without an environment of its own it would be given ours, which needs permission to read all of it.
  const worker = new Worker(entry, {
    workerData: data,
    transferList,
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: maxHeapMiB },
  });
  let ended = false;
  worker.once("exit", () => ended = true);
  return {
    hasEnded: () => ended,
    ready: new Promise((resolve, reject) => {
      worker.once("message", () => resolve());
      // Also later ones, which would end the program if nobody listened.
      worker.on("error", reject);
      worker.once("exit", () => reject(new Error("the thread ended before it was ready")));
    }),
    unref: () => worker.unref(),
    terminate: () => void worker.terminate(),
  };
}

/** Tells whether this thread may block: wait with `Atomics.wait`. */
export function mayBlock(): boolean {
  return true;
}

/** Returns the data that this thread was started with. */
export function threadData(): unknown {
  return workerData;
}

/** Tells the program that started this thread that it is ready. */
export function reportReady(): void {
  parentPort!.postMessage("ready");
}
