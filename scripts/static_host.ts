/** A server of a folder's files, and of nothing else. */
import { join } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  wasm: "application/wasm",
  json: "application/json",
};

/** Static host of a folder. */
export interface StaticHost {
  /** Address of `index.html`. */
  readonly address: string;
  /** Ends it. */
  close(): Promise<void>;
}

/**
 * Serves a folder to this machine.
 *
 * @param headers headers of a file, by its path in the folder
 * @param port port to listen on, if it is free; else another one
 */
export function serveFolder(
  folder: string,
  headers: (path: string) => Readonly<Record<string, string>>,
  port = 0,
): StaticHost {
  const respond = async ({ url }: Request): Promise<Response> => {
    const path = decodeURIComponent(new URL(url).pathname).slice(1);
    const file = path === "" || path.endsWith("/") ? `${path}index.html` : path;
    try {
      const body = await Deno.readFile(join(folder, file));
      const type = TYPES[file.split(".").at(-1)!] ?? "application/octet-stream";
      return new Response(body, { headers: { ...headers(file), "content-type": type } });
    } catch {
      return new Response("not found", { status: 404, headers: headers(file) });
    }
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
    close: () => server.shutdown(),
  };
}
