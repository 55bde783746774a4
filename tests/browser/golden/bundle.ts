import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bundle, IMPORT_MAP } from "../../../scripts/browser_build.ts";
import { ROOT } from "../../../scripts/program.ts";
import { withTempDir } from "../../temp_dir.ts";

/** Modules of the tests that others take the place of in a page. */
const REPLACED: Readonly<Record<string, string>> = {
  "node:assert/strict": "assert.ts",
  "tests/device.ts": "device.ts",
  "tests/golden/entries.ts": "entries.ts",
  "tests/temp_dir.ts": "temp_dir.ts",
};

/** Bundles the worker that runs golden cases in a page, for a place beside the module's files. */
export async function goldenWorker(): Promise<string> {
  let text = "";
  await withTempDir(async (folder) => {
    const [map, output] = [join(folder, "import_map.json"), join(folder, "golden-worker.js")];
    await Deno.writeTextFile(map, JSON.stringify({ imports: await imports() }));
    await bundle("tests/browser/golden/worker.ts", output, map);
    text = await Deno.readTextFile(output);
  });
  return text;
}

/** The module's own import map, and what is replaced in tests, with absolute addresses. */
async function imports(): Promise<Record<string, string>> {
  const own = pathToFileURL(join(ROOT, IMPORT_MAP));
  const { imports }: { imports: Record<string, string> } = JSON.parse(await Deno.readTextFile(own));
  const absolute = (path: string, base: URL) =>
    /^node:/.test(path) ? path : new URL(path, base).href;
  return Object.fromEntries([
    ...Object.entries(imports).map((pair) => pair.map((path) => absolute(path, own))),
    ...Object.entries(REPLACED).map(([path, instead]) => [
      absolute(path, pathToFileURL(`${ROOT}/`)),
      new URL(instead, import.meta.url).href,
    ]),
  ]);
}
