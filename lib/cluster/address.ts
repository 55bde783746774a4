import { UserError } from "../errors.ts";

/** Address of a NATS server, and the credentials to connect with. */
export interface NatsAddress {
  /** `nats://host:port`, or `tls://` for an encrypted connection; with `user:password@` or `token@`. */
  readonly url: string;
  /** Credentials file (`.creds`). */
  readonly creds?: string;
  /** File with the seed of an NKEY. */
  readonly nkey?: string;
  /** File with the certificate of the authority that signed the server's, for TLS. */
  readonly ca?: string;
}

/** Parts of an address. */
export interface AddressParts {
  /** Host and port. */
  readonly server: string;
  /** True where the connection must be encrypted. */
  readonly encrypted: boolean;
  /** User, or a token where there is no password; empty for neither. */
  readonly user: string;
  readonly password: string;
  /** The address without user and password, for messages. */
  readonly shown: string;
}

/** Default port of NATS. */
const DEFAULT_PORT = "4222";

/** Parses an address. @throws {UserError} when it is not one of NATS */
export function parseAddress(url: string): AddressParts {
  if (!/^(nats|tls):\/\/[^/]/.test(url) || !URL.canParse(url)) {
    // What may be a password is not repeated.
    const shown = JSON.stringify(url.replace(/\/\/[^/]*@/, "//…@"));
    throw new UserError(
      `${shown} is not the address of a NATS server: expected nats://host:port or tls://host:port`,
    );
  }
  const { protocol, hostname, port, username, password } = new URL(url);
  const server = `${hostname}:${port || DEFAULT_PORT}`;
  const shown = `${protocol}//${server}`;
  try {
    return {
      server,
      encrypted: protocol === "tls:",
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
