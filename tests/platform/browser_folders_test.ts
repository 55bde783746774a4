import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

/** What a browser build takes as it is: lib/platform alone is replaced there. */
const BROWSER_FOLDERS = [
  "kernels",
  "lib/device",
  "lib/tensor",
  "lib/nn",
  "lib/models",
  "lib/generation",
  "lib/training",
  "lib/rl",
  "lib/sft",
  "lib/preference",
  "lib/settings",
  "lib/runs/settings",
  "lib/runs/folder",
  "lib/runs/loading",
  "lib/runs/kinds",
  "lib/runs/loop",
  "lib/data",
  "lib/formats",
  "lib/rewards",
  "lib/evaluation",
];
const BROWSER_FILES = ["assets.ts", "lib/errors.ts", "lib/event_loop.ts", "lib/random.ts"];

const root = fileURLToPath(new URL("../../", import.meta.url));

Deno.test("a browser's share of the code asks lib/platform, not Deno or Node", () => {
  const offences = [...BROWSER_FILES, ...BROWSER_FOLDERS.flatMap(modules)].flatMap((path) =>
    [...platformNames(Deno.readTextFileSync(root + path))].map((name) => `${path}: ${name}`)
  );
  assert.deepEqual(offences, []);
});

Deno.test("names of the platform are found in code, not in comments", () => {
  const find = (source: string) => [...platformNames(source)];
  assert.deepEqual(find(`import { join } from "node:path";`), [`"node:`]);
  assert.deepEqual(find("await Deno.readFile(path); // Deno.open"), ["Deno."]);
  assert.deepEqual(find("Buffer.from(bytes), process.env, globalThis.Deno"), [
    "Buffer.",
    "process.",
    ".Deno",
  ]);
  assert.deepEqual(find("/** As Deno.readFile\n * does. */\n// process.exit\nrun();"), []);
});

/** Names of Deno's and Node's own in a module's code. */
function platformNames(source: string): Set<string> {
  const code = source.replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/(^|\s)\/\/.*/g, "$1");
  return new Set(
    code.match(/\bDeno\.|\.Deno\b|["'`]node:|\bBuffer\.|\bprocess\.|\bDeno\[/g) ?? [],
  );
}

/** Paths of a folder's modules, those of kernels in AssemblyScript left out. */
function modules(folder: string): string[] {
  return [...Deno.readDirSync(root + folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return modules(path);
    return /\.tsx?$/.test(name) && !name.endsWith(".wasm.ts") ? [path] : [];
  });
}
