/// <reference lib="deno.worker" />
import { UserError } from "../lib/errors.ts";
import { type ServerOptions, serveUi } from "./server.ts";

// The site beside a training run: on a thread of its own, so that neither waits for the other.
// Gets the options in a message; answers with the address, or with what went wrong.
self.onmessage = ({ data }: MessageEvent<ServerOptions>) => {
  try {
    self.postMessage({ address: serveUi(data).address });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    self.postMessage({ failure: error.message });
  }
};
