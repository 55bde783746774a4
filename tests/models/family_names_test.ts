/** Above lib/models nobody knows which families there are. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { join, relative } from "node:path";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Names of T5's own: its class, its files, its words for sizes and tokens. */
const NAMES = /T5ForConditionalGeneration|\bT5Config\b|models\/t5\b|\bdModel\b|decoderStartTokenId/;

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* sources(path);
    else if (/\.tsx?$/.test(name)) yield path;
  }
}

Deno.test("outside of lib/models no source names a family of models", async () => {
  const found: string[] = [];
  let count = 0;
  for (const folder of ["lib", "web", "bench", "examples", "kernels"]) {
    for await (const path of sources(join(ROOT, folder))) {
      const name = relative(ROOT, path).replaceAll("\\", "/");
      if (name.startsWith("lib/models/")) continue;
      count++;
      const code = await Deno.readTextFile(path);
      const line = code.split("\n").findIndex((line) => NAMES.test(line));
      if (line >= 0) found.push(`${name}:${line + 1}`);
    }
  }
  assert.ok(count > 100, `${count} files`);
  assert.deepEqual(found, []);
});

Deno.test("in lib/models, only the registry names the families", async () => {
  const found: string[] = [];
  for await (const path of sources(join(ROOT, "lib/models"))) {
    const name = relative(join(ROOT, "lib/models"), path).replaceAll("\\", "/");
    if (name.startsWith("t5/") || name === "registry.ts") continue;
    if (NAMES.test(await Deno.readTextFile(path))) found.push(name);
  }
  assert.deepEqual(found, []);
});
