import { UserError } from "../lib/errors.ts";
import { type ServerOptions, serveUi, type UiServer } from "./server.ts";

/** Message to the thread. */
export type WorkerOrder = ServerOptions | "close";

/** Answer of the thread. */
export type WorkerNews = { address: string } | { failure: string } | { closed: true };

let server: UiServer | null = null;

// Serves the site beside a training run, on a thread of its own, so that neither waits for the other.
self.onmessage = async ({ data }: MessageEvent<WorkerOrder>) => {
  const tell = (news: WorkerNews) => self.postMessage(news);
  if (data === "close") {
    await server?.close();
    return tell({ closed: true });
  }
  try {
    server = serveUi(data);
    tell({ address: server.address });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    tell({ failure: error.message });
  }
};
