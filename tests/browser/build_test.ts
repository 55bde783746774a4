import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compressedSize, IMPORT_MAP } from "../../scripts/browser_build.ts";
import { builtModule } from "./site.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Module as `deno info` describes it. */
interface Module {
  specifier: string;
  dependencies?: { specifier: string; code?: { specifier: string } }[];
}

Deno.test("the graph of browser.ts has no module of Node or Deno, and no csv-parse", async () => {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--import-map", IMPORT_MAP, "browser.ts"],
    cwd: ROOT,
  });
  const { stdout } = await command.output();
  const { modules }: { modules: Module[] } = JSON.parse(new TextDecoder().decode(stdout));
  assert.ok(modules.length > 300, `${modules.length} modules`);
  const inside = modules.filter(({ specifier }) => specifier.startsWith("file:"));
  const imported = inside.flatMap(({ specifier, dependencies = [] }) =>
    dependencies.filter(({ code }) => code).map((found) => `${found.specifier} from ${specifier}`)
  );
  assert.deepEqual(imported.filter((line) => /^node:|csv-parse|huggingface\/hub/.test(line)), []);
  const replaced = Object.keys(JSON.parse(await Deno.readTextFile(join(ROOT, IMPORT_MAP))).imports);
  const code = new Set(
    inside.flatMap(({ dependencies = [] }) =>
      dependencies.flatMap(({ code }) => code ? [code.specifier] : [])
    ),
  );
  for (const path of replaced) {
    const url = new URL(path, new URL(`file://${ROOT}${IMPORT_MAP}`)).href;
    assert.ok(!code.has(url), `${path} is replaced`);
  }
});

Deno.test("the module for browsers is small, and asks for nothing that a browser lacks", async () => {
  const folder = await builtModule();
  const text = await Deno.readTextFile(join(folder, "temper.js"));
  assert.deepEqual(text.match(/\bDeno\.[a-z]\w*\(|from ?"node:[\w/]*"/g), null);
  const size = await compressedSize(join(folder, "temper.js"));
  assert.ok(size < 400_000, `temper.js has ${size} bytes compressed`);
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  assert.deepEqual(names, [
    "LICENSE",
    "kernels.wasm",
    "temper-parquet.js",
    "temper-profanity.js",
    "temper-sentiment.js",
    "temper-thread.js",
    "temper-worker.js",
    "temper.js",
  ]);
});

Deno.test("a page that asks for workers is told that it has none", async () => {
  const { connectFleet } = await import("../../lib/cluster/browser/connect_fleet.ts");
  await assert.rejects(connectFleet, /workers at a NATS server are not available in a browser/);
});

Deno.test("browser.ts has the names of mod.ts", async () => {
  const [page, library] = await Promise.all([import("../../browser.ts"), import("../../mod.ts")]);
  assert.deepEqual(Object.keys(library).filter((name) => !(name in page)), []);
});
