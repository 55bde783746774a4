import { UserError } from "../errors.ts";
import {
  connect,
  type ConnectionOptions,
  type NatsConnection,
  wsconnect,
} from "../packages/nats.ts";
import { readTextFile } from "../platform/files.ts";
import type { AddressParts } from "./address.ts";

/**
 * Opens a connection to a server, by TCP or by WebSocket as its address says.
 *
 * @param ca file with the certificate of the authority that signed the server's; null for a known one
 * @throws {UserError} when a certificate is given for a connection that is not encrypted
 */
export async function dial(
  { scheme, server, path, shown }: AddressParts,
  options: ConnectionOptions,
  ca: string | null,
): Promise<NatsConnection> {
  if (scheme === "nats" || scheme === "tls") {
    ignoreLateResets();
    const tls = ca === null ? {} : { caFile: ca };
    const isEncrypted = scheme === "tls" || ca !== null;
    return await connect({ ...options, servers: server, ...(isEncrypted ? { tls } : {}) });
  }
  const overSocket = { ...options, servers: `${scheme}://${server}${path}` };
  if (ca === null) return await wsconnect(overSocket);
  if (scheme === "ws") {
    throw new UserError(
      `a certificate is for encrypted connections, and ${shown} is not one: use wss`,
    );
  }
  const client = Deno.createHttpClient({ caCerts: [await readTextFile(ca)] });
  const wsFactory = (url: string) =>
    Promise.resolve({ socket: new DenoWebSocket(url, { client }), encrypted: true });
  try {
    const nats = await wsconnect({ ...overSocket, wsFactory });
    nats.closed().then(() => client.close());
    return nats;
  } catch (error) {
    client.close();
    throw error;
  }
}

/** Constructor of a WebSocket as Deno has it, with a client that knows an authority. */
const DenoWebSocket = WebSocket as unknown as new (
  url: string,
  options: { client: Deno.HttpClient },
) => WebSocket;

let ignoresLateResets = false;

/**
 * A server that refuses a client resets its socket, and the NATS client may have removed its listeners
 * from the socket by then, which nothing outside it can reach. Without this, the reset would end the
 * process before the line that says why the server refused.
 */
function ignoreLateResets(): void {
  if (ignoresLateResets) return;
  ignoresLateResets = true;
  globalThis.addEventListener("error", (event) => {
    if ((event.error as { code?: string } | null)?.code === "ECONNRESET") event.preventDefault();
  });
}
