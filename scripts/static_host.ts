/** A server of files to this machine, and of nothing else. */
import { join, normalize } from "node:path";
import { fileType } from "../web/shared/file_types.ts";

/** Files of a host by their paths, which do not begin with a slash; null for one that is missing. */
export type ReadFile = (
  path: string,
) => Promise<string | Uint8Array<ArrayBuffer> | null> | string | null;

/** Static host. */
export interface StaticHost extends AsyncDisposable {
  /** Address of `index.html`. */
  readonly address: string;
}

/**
 * Serves files to this machine.
 *
 * @param headers headers of a file, by its path
 * @param port port to listen on, if it is free; else another one
 */
export function serveFiles(
  read: ReadFile,
  headers: (path: string) => Readonly<Record<string, string>> = () => ({}),
  port = 0,
): StaticHost {
  const respond = async ({ url }: Request): Promise<Response> => {
    const path = pathIn(url);
    const body = path && await read(path);
    if (path === null || body === null) return new Response("not found", { status: 404 });
    return new Response(body, { headers: { "content-type": fileType(path), ...headers(path) } });
  };
  const listen = (port: number) =>
    Deno.serve({ hostname: "127.0.0.1", port, onListen() {} }, respond);
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = listen(port);
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    server = listen(0);
  }
  return {
    address: `http://127.0.0.1:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Reads the files of a folder. */
export function filesOf(folder: string): ReadFile {
  return (path) => Deno.readFile(join(folder, path)).catch(() => null);
}

/** Path of the file that an address names; null for one that is no path, or leads elsewhere. */
function pathIn(url: string): string | null {
  let path: string;
  try {
    path = decodeURIComponent(new URL(url).pathname).slice(1);
  } catch {
    return null;
  }
  if (path === "" || path.endsWith("/")) path += "index.html";
  // An encoded slash or dot passes the URL's own normalization.
  return normalize(`/${path}`) === `/${path}` ? path : null;
}
