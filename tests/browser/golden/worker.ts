/** Worker of a page that runs golden cases: the same tests as in Deno, on files that it fetches. */
import { openDevice } from "../../../lib/device/open.ts";
import { MemoryContents } from "../../../lib/platform/browser/contents.ts";
import { files } from "../../../lib/platform/browser/file_tree.ts";
import { dirname } from "../../../lib/platform/browser/paths.ts";
import { deviceTests } from "./device.ts";

/** Order to run tests. */
export interface GoldenOrder {
  device: "wasm" | "webgpu";
  /** Addresses of the files that the tests read. */
  paths: string[];
  /** Names of the tests to run; null for all. */
  names: readonly string[] | null;
}

/** Results of the tests that were run. */
export interface GoldenOutcome {
  /** Line about the device. */
  device: string;
  /** Failures of the tests by their names, null for none. */
  failures: Record<string, string | null>;
}

addEventListener("message", async ({ data }: MessageEvent<GoldenOrder>) => {
  postMessage(await run(data));
});

async function run({ device: name, paths, names }: GoldenOrder): Promise<GoldenOutcome> {
  await Promise.all(paths.map(fetchFile));
  // The tests read the names of their cases as they are imported.
  await import("./tests.ts");
  const device = await openDevice({ device: name, threads: 2 });
  const failures: GoldenOutcome["failures"] = {};
  for (const [test, body] of deviceTests) {
    if (names !== null && !names.includes(test)) continue;
    failures[test] = await body(device).then(() => null, (error) => error.stack ?? String(error));
  }
  const { description } = device;
  device.close();
  return { device: description, failures };
}

async function fetchFile(path: string): Promise<void> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: status ${response.status}`);
  files.makeFolder(dirname(path));
  files.put(path, new MemoryContents(new Uint8Array(await response.arrayBuffer())));
}
