import { UserError } from "../../errors.ts";
import { type ConnectionOptions, type NatsConnection, wsconnect } from "../../packages/nats.ts";
import type { AddressParts } from "../address.ts";

/** Names of this machine, to which a page loaded over https may connect without encryption. */
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
      "a browser can connect only to a server's websocket listener: expected ws://host:port or " +
        "wss://host:port",
    );
  }
  if (ca !== null) {
    throw new UserError("a browser trusts its own certificate authorities: leave `ca` out");
  }
  if (scheme === "ws" && location.protocol === "https:" && !LOOPBACK.test(server)) {
    throw new UserError("a page loaded over https can connect only to wss://");
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
