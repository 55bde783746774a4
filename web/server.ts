import { UserError } from "../lib/errors.ts";
import { createApp } from "./app.tsx";
import { createToken, isLoopback } from "./security.ts";
import type { AllowedSources } from "./store/allowed_sources.ts";
import { Site } from "./store/site.ts";

/** Address and content of a site. */
export interface ServerOptions {
  /** Folder of the runs. */
  runs: string;
  /** Name or address to listen on. */
  host: string;
  /** Port; 0 for any free port. */
  port: number;
  /** True in a process that trains, and so has no room for models to try; default false. */
  training?: boolean;
  /** Models and rewards of runs that may be tried though they lie elsewhere or run code; default none. */
  allowed?: AllowedSources;
}

/** A site that is being served. */
export interface UiServer {
  /** Address for the reader, with the token if there is one. */
  readonly address: string;
  /** Ends all connections, and the server. */
  close(): Promise<void>;
}

/**
 * Serves the site. On a host that other machines can reach, every request must have a token, which
 * is created here and is part of the address.
 *
 * @throws {UserError} when the port or the host cannot be used
 */
export function serveUi({ runs, host, port, training, allowed }: ServerOptions): UiServer {
  const token = isLoopback(host) ? null : createToken();
  const stop = new AbortController();
  const site = new Site(runs, stop.signal, training, allowed);
  const app = createApp(site, { host, token });
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve({ hostname: host, port, onListen: () => {} }, app.fetch);
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      throw new UserError(`port ${port} is in use: choose another with --port, or 0 for any`);
    }
    throw new UserError(`cannot listen on ${host}, port ${port}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const reached = reachableAddress(host);
  const name = reached.includes(":") ? `[${reached}]` : reached;
  const query = token === null ? "" : `?token=${token}`;
  return {
    address: `http://${name}:${server.addr.port}/${query}`,
    async close() {
      stop.abort();
      await site.tries.close();
      await server.shutdown();
    },
  };
}

/** Addresses that stand for all of this machine's. */
const ALL_ADDRESSES = ["0.0.0.0", "::"];

/**
 * An address that another machine can open: for a server that listens on all of this machine's, one
 * of those in its network, if there is one and it may be looked up.
 */
function reachableAddress(host: string): string {
  const permission = { name: "sys", kind: "networkInterfaces" } as const;
  if (!ALL_ADDRESSES.includes(host)) return host;
  if (Deno.permissions.querySync(permission).state !== "granted") return host;
  const addresses = Deno.networkInterfaces().filter(({ name, family, address }) =>
    family === "IPv4" && !/^(127|169\.254)\./.test(address) && !/^(docker|br-|veth|lo)/.test(name)
  );
  return addresses[0]?.address ?? host;
}
