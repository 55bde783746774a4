import { assetUrl } from "../assets.ts";
import { UserError } from "../lib/errors.ts";
import type { ServerOptions, UiServer } from "./server.ts";
import type { WorkerNews, WorkerOrder } from "./worker.ts";

/** Maximum time in milliseconds for readers to receive the end of the run. */
const FAREWELL_MS = 3000;

/**
 * Serves the site from a thread of its own, for a process that trains: pages load while a step is
 * computed, and steps do not wait for readers.
 *
 * @throws {UserError} when the port or the host cannot be used
 */
export async function serveBesideTraining(
  options: Omit<ServerOptions, "training">,
): Promise<UiServer> {
  const worker = new Worker(assetUrl("web/worker.ts"), { type: "module" });
  const ask = (order: WorkerOrder) =>
    new Promise<WorkerNews>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
      worker.postMessage(order);
    });
  const news = await ask({ ...options, training: true });
  if (!("address" in news)) {
    worker.terminate();
    throw new UserError("failure" in news ? news.failure : "the server ended at once");
  }
  return {
    address: news.address,
    async close() {
      const patience = Promise.withResolvers<void>();
      const timer = setTimeout(patience.resolve, FAREWELL_MS);
      await Promise.race([ask("close"), patience.promise]);
      clearTimeout(timer);
      worker.terminate();
    },
  };
}
