/**
 * Builds the module for browsers into dist/browser, with the demo's files beside it.
 *
 * deno task build:browser             into dist/browser
 * deno task build:browser FOLDER      into another folder
 */
import { join } from "node:path";
import { BROWSER_MODULE, buildBrowser, compressedSize } from "./browser_build.ts";
import { copy, ROOT } from "./program.ts";

const folder = Deno.args[0] ?? join(ROOT, BROWSER_MODULE);
await buildBrowser(folder);
await copy(join(ROOT, "demo"), join(folder, "demo"));
for (
  const { name, isFile } of [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1)
) {
  if (!isFile) continue;
  const kilobytes = (await compressedSize(join(folder, name)) / 1000).toFixed(0);
  console.log(`${name.padEnd(24)} ${kilobytes.padStart(5)} KB compressed`);
}
