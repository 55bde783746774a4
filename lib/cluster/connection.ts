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
import { type NatsAddress, parseAddress } from "./address.ts";

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
  ignoreLateResets();
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

/** Maximum size of a message on a connection, in bytes. */
export function maxPayload({ nats }: Connection): number {
  return nats.info?.max_payload ?? 2 ** 20;
}

async function connectionOptions(
  { url, creds, nkey, ca }: NatsAddress,
  name: string,
): Promise<{ options: ConnectionOptions; address: string }> {
  const { server, encrypted, user, password, shown } = parseAddress(url);
  if ([user !== "", creds !== undefined, nkey !== undefined].filter(Boolean).length > 1) {
    throw new UserError(
      "give one kind of credentials: a user or token in the address, a credentials file, or an NKEY",
    );
  }
  const options: ConnectionOptions = {
    servers: server,
    name,
    timeout: CONNECT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    ...(user !== "" ? password === "" ? { token: user } : { user, pass: password } : {}),
    ...(encrypted || ca !== undefined ? { tls: ca === undefined ? {} : { caFile: ca } } : {}),
  };
  if (ca !== undefined) await readSecret("certificate", ca);
  if (creds !== undefined) {
    options.authenticator = credsAuthenticator(await readSecret("credentials", creds));
  }
  if (nkey !== undefined) {
    const seed = new TextDecoder().decode(await readSecret("NKEY", nkey)).trim();
    options.authenticator = nkeyAuthenticator(new TextEncoder().encode(seed));
  }
  return { options, address: shown };
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
  if (/refused|timeout|ENOTFOUND|dns|lookup/i.test(text)) {
    return `nobody answers there (${message}): is nats-server running?`;
  }
  return message;
}

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
