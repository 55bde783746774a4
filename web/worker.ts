import { UserError } from "../lib/errors.ts";
import { type ServerOptions, serveUi, type UiServer } from "./server.ts";

/** What the thread is told. */
export type WorkerOrder = ServerOptions | "close";

/** What the thread tells. */
export type WorkerNews = { address: string } | { failure: string } | { closed: true };

let server: UiServer | null = null;

// The site beside a training run: on a thread of its own, so that neither waits for the other.
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
