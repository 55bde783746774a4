import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Words that begin a clause where a noun phrase ("Clip range for the value loss.") says it better. */
const CLAUSE = /^\s*\/\*\*(?:\n\s*\*)? (What|Whether|Of|How|Where|Which|When|Who|Whose)\b.*/gm;

function* sources(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(join(ROOT, folder))) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* sources(path);
    else if (/\.(tsx?|wgsl)$/.test(name)) yield path;
  }
}

Deno.test("documentation begins with a noun phrase or a verb, not with a clause", () => {
  const files = ["kernels", "lib", "web", "scripts", "bench", "examples"]
    .flatMap((folder) => [...sources(folder)]).concat("mod.ts", "cli.ts", "assets.ts");
  const clauses = files.flatMap((file) => {
    const text = Deno.readTextFileSync(join(ROOT, file));
    return Array.from(text.matchAll(CLAUSE), ([line]) => `${file}: ${line.trim()}`);
  });
  assert.deepEqual(clauses, []);
});
