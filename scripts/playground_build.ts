/** The page that trains in the browser, as a folder of files for any static host. */
import { join } from "node:path";
import { ASSETS } from "../web/page/assets.ts";
import { headersFile } from "../web/page/playground_headers.ts";
import { renderPlayground } from "../web/page/playground_page.tsx";
import { REWARD_FRAME } from "../web/page/reward_frame.ts";
import { renderWork, WORK_WORKER } from "../web/page/work_page.tsx";
import { buildBrowser } from "./browser_build.ts";
import { copy, ROOT } from "./program.ts";

/**
 * Builds the page into a folder, which is made where it is missing.
 *
 * @throws {Error} when the bundler fails
 */
export async function buildPlayground(folder: string): Promise<void> {
  await buildBrowser(folder);
  await copy(join(ROOT, "demo"), join(folder, "demo"));
  const frame = { script: "start.js", icon: "icon.svg", home: "./", pages: [] };
  const files = {
    "start.js": ASSETS["start.js"].text,
    "client.js": ASSETS["client.js"].text,
    "icon.svg": ASSETS["icon.svg"].text,
    "index.html": renderPlayground(frame),
    "work.html": renderWork(frame),
    "work-worker.js": WORK_WORKER,
    "reward.html": REWARD_FRAME,
    "_headers": headersFile(),
  };
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(join(folder, name), text);
  }
}
