import { UserError } from "../../errors.ts";
import { type ConnectionOptions, type NatsConnection, wsconnect } from "../../packages/nats.ts";
import type { AddressParts } from "../address.ts";

/** Names of this machine, to which a page from an encrypted address may connect without encryption. */
const LOOPBACK = /^(localhost|127\.[\d.]+|\[::1\]):\d+$/;

/**
 * Opens a connection to a server, by WebSocket.
 *
 * @throws {UserError} when the address is of another transport, or the page may not connect to it
 */
export async function dial(
  { scheme, server, path, shown }: AddressParts,
  options: ConnectionOptions,
  ca: string | null,
): Promise<NatsConnection> {
  if (scheme === "nats" || scheme === "tls") {
    throw new UserError(
      "a browser has WebSockets alone: expected ws://host:port or wss://host:port, of the " +
        "server's websocket listener",
    );
  }
  if (ca !== null) throw new UserError("a browser knows authorities of its own: leave `ca` out");
  if (scheme === "ws" && location.protocol === "https:" && !LOOPBACK.test(server)) {
    throw new UserError("a page that came by https connects to wss:// alone");
  }
  const policy = new PolicyWatch();
  try {
    return await wsconnect({ ...options, servers: `${scheme}://${server}${path}` });
  } catch (error) {
    if (!policy.refused) throw error;
    throw new UserError(
      `the content security policy of this page's worker does not let it connect to ${shown}: ` +
        "its connect-src has to name that",
      { cause: error },
    );
  } finally {
    policy[Symbol.dispose]();
  }
}

/** Learns whether the page's policy refuses a connection, which the error of a WebSocket does not say. */
class PolicyWatch implements Disposable {
  refused = false;
  readonly #listen = ({ effectiveDirective }: Event & { effectiveDirective?: string }) => {
    if (effectiveDirective === "connect-src") this.refused = true;
  };

  constructor() {
    addEventListener("securitypolicyviolation", this.#listen);
  }

  [Symbol.dispose](): void {
    removeEventListener("securitypolicyviolation", this.#listen);
  }
}
