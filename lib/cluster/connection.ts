import { UserError } from "../errors.ts";
import {
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
import { type AddressParts, type NatsAddress, parseAddress } from "./address.ts";
import { dial } from "./transport.ts";

/** A connection to a NATS server with JetStream. */
export interface Connection extends AsyncDisposable {
  readonly nats: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  /** Address without password, for messages. */
  readonly address: string;
}

/** Time that the first connection may take, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5000;
/** Time between attempts to connect again, in milliseconds. */
const RECONNECT_WAIT_MS = 500;
/** Time that a request of JetStream may take, in milliseconds. */
const REQUEST_TIMEOUT_MS = 5000;

/**
 * Connects to a server. A connection that breaks later is restored, however long that takes.
 *
 * @param name name of the connection in the server's lists
 * @throws {UserError} when the address is not valid, nobody answers there, the server refuses, or it
 *   has no JetStream
 */
export async function connectNats(at: NatsAddress, name: string): Promise<Connection> {
  const parts = parseAddress(at.url);
  const address = parts.shown;
  const options = await connectionOptions(at, parts, name);
  let nats: NatsConnection | null = null;
  try {
    nats = await dial(parts, options, at.ca ?? null);
    const jsm = await jetstreamManager(nats, { timeout: REQUEST_TIMEOUT_MS });
    const js = jetstream(nats, { timeout: REQUEST_TIMEOUT_MS });
    const connection = nats;
    return { nats, js, jsm, address, [Symbol.asyncDispose]: () => connection.close() };
  } catch (error) {
    await nats?.close();
    const reason = connectReason(error, parts);
    throw new UserError(`cannot use NATS at ${address}: ${reason}`, { cause: error });
  }
}

/** Maximum size of a message on a connection, in bytes. */
export function maxPayload({ nats }: Connection): number {
  return nats.info?.max_payload ?? 2 ** 20;
}

async function connectionOptions(
  { creds, nkey, ca }: NatsAddress,
  { user, password }: AddressParts,
  name: string,
): Promise<ConnectionOptions> {
  if ([user !== "", creds !== undefined, nkey !== undefined].filter(Boolean).length > 1) {
    throw new UserError(
      "give one kind of credentials: a user or token in the address, a credentials file, or an NKEY",
    );
  }
  const options: ConnectionOptions = {
    name,
    timeout: CONNECT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    ...(user !== "" ? password === "" ? { token: user } : { user, pass: password } : {}),
  };
  if (ca !== undefined) await readSecret("certificate", ca);
  if (creds !== undefined) {
    options.authenticator = credsAuthenticator(await readSecret("credentials", creds));
  }
  if (nkey !== undefined) {
    const seed = new TextDecoder().decode(await readSecret("NKEY", nkey)).trim();
    options.authenticator = nkeyAuthenticator(new TextEncoder().encode(seed));
  }
  return options;
}

/** Reads a secret from its file, unless it is given as its content. */
async function readSecret(what: string, source: string | Uint8Array): Promise<Uint8Array> {
  if (typeof source !== "string") return source;
  try {
    return await readFile(source);
  } catch (error) {
    throw new UserError(`cannot read the ${what} file ${source}: ${ioReason(error)}`, {
      cause: error,
    });
  }
}

function connectReason(error: unknown, { scheme }: AddressParts): string {
  if (error instanceof UserError) return error.message;
  const { name = "", message = String(error) } = error instanceof Error ? error : {};
  const text = `${name} ${message}`;
  if (/authorization|authentication/i.test(text)) {
    return "it does not accept the user, token, credentials or NKEY";
  }
  if (/certificate|self.signed|unknown ?issuer/i.test(text)) {
    return `its certificate is not one that this machine trusts (${message}): give the certificate ` +
      "of the authority that signed it";
  }
  if (/nkeys:/.test(text)) {
    return `the NKEY's file has no seed of a user (${message})`;
  }
  if (/parse credentials/i.test(text)) {
    return "the credentials file does not have a user's JWT and seed, as a .creds file has";
  }
  if (/jetstream|503|no responders/i.test(text)) {
    return "it has no JetStream: start nats-server with -js";
  }
  if (scheme.startsWith("ws") && /ConnectionError|timeout/i.test(text)) {
    // Browsers give no reason.
    const detail = message === "" ? "" : ` (${message.replace(/^NetworkError: /, "")})`;
    return `no WebSocket answers there${detail}: is nats-server running, with a websocket ` +
      "listener on this port?";
  }
  if (/refused|timeout|ENOTFOUND|dns|lookup/i.test(text)) {
    return `nobody answers there (${message}): is nats-server running?`;
  }
  return message;
}
