import { UserError } from "../errors.ts";
import {
  connect,
  type ConnectionOptions,
  credsAuthenticator,
  jetstream,
  type JetStreamClient,
  type JetStreamManager,
  jetstreamManager,
  type NatsConnection,
  nkeyAuthenticator,
} from "../packages/nats.ts";
import { readFile } from "../platform/files.ts";
import { ioReason } from "../platform/io_error.ts";

/** Address of a NATS server, and the proof of who connects. */
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

/** A connection to a NATS server with JetStream. */
export interface Connection extends AsyncDisposable {
  readonly nats: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  /** Address without password, for messages. */
  readonly address: string;
}

/** Default port of NATS. */
const DEFAULT_PORT = "4222";
/** Time that the first connection may take, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5000;
/** Time between attempts to connect again, in milliseconds. */
const RECONNECT_WAIT_MS = 500;
/** Time that a request of JetStream may take, in milliseconds. */
const REQUEST_TIMEOUT_MS = 5000;

/**
 * Connects to a server. A connection that breaks later is made again, however long that takes.
 *
 * @param name name of the connection in the server's lists
 * @throws {UserError} when the address is none, nobody answers there, the server refuses, or it has no
 *   JetStream
 */
export async function connectNats(at: NatsAddress, name: string): Promise<Connection> {
  passOverLateResets();
  const { options, address } = await connectionOptions(at, name);
  let nats: NatsConnection | null = null;
  try {
    nats = await connect(options);
    const jsm = await jetstreamManager(nats, { timeout: REQUEST_TIMEOUT_MS });
    const js = jetstream(nats, { timeout: REQUEST_TIMEOUT_MS });
    const connection = nats;
    return { nats, js, jsm, address, [Symbol.asyncDispose]: () => connection.close() };
  } catch (error) {
    await nats?.close();
    throw new UserError(`cannot use NATS at ${address}: ${connectReason(error)}`, { cause: error });
  }
}

async function connectionOptions(
  { url, creds, nkey, ca }: NatsAddress,
  name: string,
): Promise<{ options: ConnectionOptions; address: string }> {
  const parsed = parseAddress(url);
  const { protocol, hostname, port, username, password } = parsed;
  const address = `${protocol}//${hostname}:${port || DEFAULT_PORT}`;
  const [user, pass] = [username, password].map(decodeURIComponent);
  if ([user !== "", creds !== undefined, nkey !== undefined].filter(Boolean).length > 1) {
    throw new UserError(
      "give one proof of who connects: a user or token in the address, a credentials file, or an NKEY",
    );
  }
  const options: ConnectionOptions = {
    servers: `${hostname}:${port || DEFAULT_PORT}`,
    name,
    timeout: CONNECT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    ...(user !== "" ? pass === "" ? { token: user } : { user, pass } : {}),
    ...(protocol === "tls:" || ca !== undefined
      ? { tls: ca === undefined ? {} : { caFile: ca } }
      : {}),
  };
  if (ca !== undefined) await readSecret("certificate", ca);
  if (creds !== undefined) {
    options.authenticator = credsAuthenticator(await readSecret("credentials", creds));
  }
  if (nkey !== undefined) {
    const seed = new TextDecoder().decode(await readSecret("NKEY", nkey)).trim();
    options.authenticator = nkeyAuthenticator(new TextEncoder().encode(seed));
  }
  return { options, address };
}

/** Parses an address. @throws {UserError} when it is none of NATS */
export function parseAddress(url: string): URL {
  const expected = "expected nats://host:port or tls://host:port";
  if (!/^(nats|tls):\/\/[^/]/.test(url) || !URL.canParse(url)) {
    throw new UserError(
      `${JSON.stringify(withoutPassword(url))} is no address of NATS: ${expected}`,
    );
  }
  return new URL(url);
}

/** A text that may be an address, without what may be its password. */
function withoutPassword(url: string): string {
  return url.replace(/\/\/[^/]*@/, "//…@");
}

async function readSecret(what: string, path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new UserError(`cannot read the ${what} file ${path}: ${ioReason(error)}`, {
      cause: error,
    });
  }
}

function connectReason(error: unknown): string {
  const { name = "", message = String(error) } = error instanceof Error ? error : {};
  const text = `${name} ${message}`;
  if (/authorization|authentication/i.test(text)) {
    return "it does not accept the user, token, credentials or NKEY";
  }
  if (/jetstream|503|no responders/i.test(text)) {
    return "it has no JetStream: start nats-server with -js";
  }
  if (/refused|timeout|ENOTFOUND|dns|lookup/i.test(text)) {
    return `nobody answers there (${message}): is nats-server running?`;
  }
  return message;
}

let passesOver = false;

/**
 * A server that refuses a client resets its socket, and the client of NATS may have stopped to listen
 * to that by then: without this, the reset would end the process instead of the line that says why.
 */
function passOverLateResets(): void {
  if (passesOver) return;
  passesOver = true;
  globalThis.addEventListener("error", (event) => {
    if ((event.error as { code?: string } | null)?.code === "ECONNRESET") event.preventDefault();
  });
}
