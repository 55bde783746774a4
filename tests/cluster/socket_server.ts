import { join } from "node:path";
import { freePort } from "../../lib/platform/ports.ts";
import { type Server, withServer } from "../../scripts/nats_server.ts";
import { withTempDir } from "../temp_dir.ts";

/** Part of a configuration that lets one user in. */
export const ONE_USER = 'authorization { user: "me", password: "p@ss" }';

/**
 * Runs something with a server that WebSockets reach as well.
 *
 * @param more further lines of the server's configuration
 * @param tls settings of the listener's TLS; empty for none
 */
export async function withSocketServer(
  body: (server: Server & { readonly socket: string }, folder: string) => Promise<void>,
  more = "",
  tls = "",
): Promise<void> {
  await withTempDir(async (own) => {
    const [config, port] = [join(own, "nats.conf"), freePort()];
    const security = tls === "" ? "no_tls: true" : `tls { ${tls} }`;
    const listener = `websocket { host: "127.0.0.1", port: ${port}, ${security} }`;
    await Deno.writeTextFile(config, `${listener}\n${more}\n`);
    await withServer(
      (server, folder) =>
        body({ ...server, socket: `${tls === "" ? "ws" : "wss"}://127.0.0.1:${port}` }, folder),
      ["-c", config],
    );
  });
}
