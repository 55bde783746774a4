/** The module for browsers: one bundle, with the files that it loads beside it. */
import { join } from "node:path";
import { ROOT, run } from "./program.ts";

/** Modules that take the place of others in a browser: see docs/architecture.md. */
export const IMPORT_MAP = "lib/platform/browser/import_map.json";

/** Folder of the module in the program, from which `temper ui` serves it. */
export const BROWSER_MODULE = "dist/browser";

/** Bundles by their entries in the repository. */
const BUNDLES: Readonly<Record<string, string>> = {
  "temper.js": "browser.ts",
  "temper-thread.js": "lib/device/wasm/worker.ts",
  "temper-nats.js": "lib/packages/nats_websocket.ts",
  "temper-parquet.js": "lib/packages/parquet.ts",
  "temper-profanity.js": "lib/packages/obscenity.ts",
  "temper-sentiment.js": "lib/packages/vader.ts",
};

/** Bundles of packages that are the same everywhere. */
const WITHOUT_MAP = /-(nats|parquet|profanity|sentiment)\.js$/;

/** Worker of a page: the bundle once more, which the browser has loaded by then. */
const WORKER = 'import { serveWorker } from "./temper.js";\nserveWorker();\n';

/**
 * Builds the module into a folder, which is made where it is missing.
 *
 * @throws {Error} when the bundler fails
 */
export async function buildBrowser(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, entry] of Object.entries(BUNDLES)) {
    await bundle(entry, join(folder, name), WITHOUT_MAP.test(name) ? null : IMPORT_MAP);
  }
  await Deno.writeTextFile(join(folder, "temper-worker.js"), WORKER);
  await Deno.copyFile(join(ROOT, "lib/device/wasm/kernels.wasm"), join(folder, "kernels.wasm"));
  await Deno.copyFile(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
}

/**
 * Bundles a module with all that it imports, for browsers.
 *
 * @throws {Error} when the bundler fails
 */
export async function bundle(
  entry: string,
  output: string,
  importMap: string | null,
): Promise<void> {
  const map = importMap === null ? [] : ["--import-map", importMap];
  const flags = ["--quiet", "--platform", "browser", "--minify", ...map, "--output", output];
  await run(ROOT, Deno.execPath(), ["bundle", ...flags, entry]);
}

/** Bytes of a file once it is compressed with gzip, as servers send it. */
export async function compressedSize(path: string): Promise<number> {
  using file = await Deno.open(path);
  const compressed = file.readable.pipeThrough(new CompressionStream("gzip"));
  let size = 0;
  for await (const { length } of compressed) size += length;
  return size;
}
