/**
 * Runs the tests of several files in one isolate, where they share kept devices (device.ts) and so the
 * kernels that those have compiled: `deno test -A tests/together.ts -- tests/kernels …`.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

for (const path of Deno.args) {
  const files = statSync(path).isDirectory()
    ? [...Deno.readDirSync(path)].map(({ name }) => join(path, name)).sort()
    : [path];
  for (const file of files.filter((file) => file.endsWith("_test.ts"))) {
    await import(pathToFileURL(file).href);
  }
}
