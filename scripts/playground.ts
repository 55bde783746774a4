/**
 * Builds the page that trains in the browser into dist/playground, and serves it as a static host
 * with headers for cross-origin isolation would.
 *
 * deno task playground             at http://127.0.0.1:8643/, or a free port
 * deno task playground --build     only builds the folder
 */
import { join } from "node:path";
import { buildPlayground } from "./playground_build.ts";
import { ROOT } from "./program.ts";
import { filesOf, serveFiles } from "./static_host.ts";
import { playgroundHeaders } from "../web/page/playground_headers.ts";

const PORT = 8643;

const folder = join(ROOT, "dist/playground");
await buildPlayground(folder);
console.log(`built ${folder}: its files can be put on any static host`);
if (!Deno.args.includes("--build")) {
  const { address } = serveFiles(filesOf(folder), playgroundHeaders, PORT);
  console.log(`train in the browser: ${address}`);
}
