import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compressedSize, IMPORT_MAP } from "../../scripts/browser_build.ts";
import { browserTest } from "../web/browser.ts";
import { builtModule, Site } from "./site.ts";

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
    "temper-nats.js",
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

/** Names that only the module for browsers has: a page's files, and its worker. */
const OF_PAGES: readonly string[] = [
  "TemperWorker",
  "folderFiles",
  "putFiles",
  "readDirectory",
  "serveWorker",
  "writeDirectory",
  "zipFolder",
];

browserTest(
  "the module for browsers has the names of mod.ts, and those of a page's own",
  async (browser) => {
    await using site = await Site.serve();
    const page = await browser.newPage();
    await site.show(page);
    const found = await page.evaluate(() =>
      Object.entries(temper).map(([name, value]) => `${typeof value} ${name}`)
    );
    const here = Object.entries(await import("../../mod.ts"));
    const names = here.map(([name, value]) => `${typeof value} ${name}`);
    const own = OF_PAGES.map((name) => `function ${name}`);
    assert.deepEqual(found.sort(), [...names, ...own].sort());
  },
);

browserTest("what a page cannot do is refused in a sentence that says so", async (browser) => {
  await using site = await Site.serve();
  const page = await browser.newPage();
  await site.show(page);
  const refusals = await page.evaluate(async () => {
    const [none, demo] = [new Uint8Array(), "/demo/tiny-roberta-toxicity"];
    const fetched = async (name: string) =>
      [name, new Uint8Array(await (await fetch(`${demo}/${name}`)).arrayBuffer())] as const;
    const texts = ["config.json", "tokenizer_config.json", "merges.txt", "vocab.json"].map(fetched);
    const model = new temper.MemoryFiles([...await Promise.all(texts), ["onnx/model.onnx", none]]);
    const attempts = {
      onnx: () => temper.OnnxClassifier.load(model),
      pipeline: () => temper.PipelineClassifier.load("org/model"),
      dawn: () => temper.openDevice({ device: "dawn" }),
      turbo: () => temper.openDevice({ device: "wasm", turbo: true }),
    };
    const refusals: Record<string, string> = {};
    for (const [name, attempt] of Object.entries(attempts)) {
      refusals[name] = await attempt().then(() => "", ({ name, message }) => `${name}: ${message}`);
    }
    return refusals;
  });
  assert.deepEqual(refusals, {
    onnx:
      "UserError: ONNX models are not available in a browser: use a classifier in safetensors, " +
      "or train on a machine with Deno",
    pipeline: "UserError: a pipeline needs npm:@huggingface/transformers@4.3.1, which is not " +
      "loaded in a browser: train on a machine with Deno",
    dawn: "UserError: `device` dawn needs npm:webgpu@0.6.2, which is not loaded in a browser: " +
      "train on a machine with Deno",
    turbo: "UserError: `turbo` is not available in a browser: leave it out",
  });
});
