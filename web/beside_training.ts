import { UserError } from "../lib/errors.ts";
import type { ServerOptions } from "./server.ts";

/** A site that is served from another thread of this process. */
export interface UiWorker {
  /** Address for the reader. */
  readonly address: string;
  /** Ends the server at once. */
  close(): void;
}

/**
 * Serves the site from a thread of its own, for a process that trains: curves move while a step is
 * computed, and steps do not wait for readers.
 *
 * @throws {UserError} when the port or the host cannot be used
 */
export async function serveBesideTraining(
  options: Omit<ServerOptions, "training">,
): Promise<UiWorker> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<{ address: string }>();
  worker.onmessage = ({ data }) =>
    data.failure === undefined ? resolve(data) : reject(new UserError(data.failure));
  worker.onerror = (event) => reject(new Error(event.message));
  worker.postMessage({ ...options, training: true } satisfies ServerOptions);
  try {
    const { address } = await promise;
    return { address, close: () => worker.terminate() };
  } catch (error) {
    worker.terminate();
    throw error;
  }
}
