import type { Thread } from "../interfaces.ts";

export type { Thread };

/** First message to a thread: its data. */
let received: Promise<unknown> | null = null;

/** Starts a thread, with the data that it reads with {@linkcode threadData}. */
export function startThread(module: URL, data: unknown): Thread {
  const worker = new Worker(module, { type: "module" });
  let ended = false;
  const ready = new Promise<void>((resolve, reject) => {
    worker.onmessage = () => resolve();
    worker.onerror = ({ message }) => {
      ended = true;
      reject(new Error(message || `${module} does not load as a worker`));
    };
  });
  worker.postMessage(data);
  return {
    ready,
    hasEnded: () => ended,
    unref: () => {},
    terminate() {
      ended = true;
      worker.terminate();
    },
  };
}

/** Tells whether this thread may block: a worker may, a page may not. */
export function mayBlock(): boolean {
  return "WorkerGlobalScope" in globalThis;
}

/** Returns the data that this thread was started with. */
export function threadData(): Promise<unknown> {
  return received ??= new Promise((resolve) => {
    addEventListener("message", ({ data }) => resolve(data), { once: true });
  });
}

/** Tells the program that started this thread that it is ready. */
export function reportReady(): void {
  postMessage("ready");
}
