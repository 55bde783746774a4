import { UserError } from "../errors.ts";

/** Address of a NATS server, and the credentials to connect with. */
export interface NatsAddress {
  /**
   * `nats://host:port`, or `tls://` for an encrypted connection; `ws://` or `wss://` for the server's
   * WebSocket, which is all that a browser reaches. With `user:password@` or `token@`.
   */
  readonly url: string;
  /** Credentials file (`.creds`), or its content. */
  readonly creds?: string | Uint8Array;
  /** File with the seed of an NKEY, or its content. */
  readonly nkey?: string | Uint8Array;
  /** File with the certificate of the authority that signed the server's, for TLS; not in a browser. */
  readonly ca?: string;
}

/** Parts of an address. */
export interface AddressParts {
  /** Transport: TCP without and with TLS, WebSocket without and with TLS. */
  readonly scheme: "nats" | "tls" | "ws" | "wss";
  /** Host and port. */
  readonly server: string;
  /** Path of a WebSocket, as behind a proxy; empty for none. */
  readonly path: string;
  /** User, or a token where there is no password; empty for neither. */
  readonly user: string;
  readonly password: string;
  /** The address without user and password, for messages. */
  readonly shown: string;
}

/** Default ports: of NATS, and of WebSockets. */
const DEFAULT_PORTS = { nats: "4222", tls: "4222", ws: "80", wss: "443" } as const;

/** Parses an address. @throws {UserError} when it is not one of NATS */
export function parseAddress(url: string): AddressParts {
  if (!/^(nats|tls|wss?):\/\/[^/]/.test(url) || !URL.canParse(url)) {
    // What may be a password is not repeated.
    const shown = JSON.stringify(url.replace(/\/\/[^/]*@/, "//…@"));
    throw new UserError(
      `${shown} is not the address of a NATS server: expected nats://host:port, tls://host:port, ` +
        "ws://host:port or wss://host:port",
    );
  }
  const { protocol, hostname, port, pathname, username, password } = new URL(url);
  const scheme = protocol.slice(0, -1) as AddressParts["scheme"];
  const server = `${hostname}:${port || DEFAULT_PORTS[scheme]}`;
  const path = scheme.startsWith("ws") && pathname !== "/" ? pathname : "";
  const shown = `${scheme}://${server}${path}`;
  try {
    return {
      scheme,
      server,
      path,
      user: decodeURIComponent(username),
      password: decodeURIComponent(password),
      shown,
    };
  } catch (cause) {
    throw new UserError(
      `the user or password for NATS at ${shown} has a % that encodes no character: write %25 for it`,
      { cause },
    );
  }
}
