/**
 * Makes the README's pictures of the web UI, docs/images/ui-*.png, with Debian's chromium.
 *
 * deno task screenshots            train the demo for them, which takes a minute
 * deno task screenshots FOLDER     show the runs of a folder; the first by name is the one looked at
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { launchBrowser } from "./chromium.ts";
import { serveUi } from "../web/server.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Pictures: file, page of the run, colours. */
const PICTURES = [
  ["ui-run.png", "", "light"],
  ["ui-comparison.png", "/comparison", "dark"],
] as const;

const MARGIN = 8;

/** Elements that a picture may end behind: the last one that is seen whole. */
const ENDS = ".chart, tbody tr";

async function trainDemo(folder: string): Promise<void> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "cli.ts", "train", "--name", "detox", "--output", join(folder, "detox")],
    cwd: root,
  });
  if (!(await command.spawn().status).success) Deno.exit(1);
}

const given = Deno.args[0];
const folder = given ?? await Deno.makeTempDir({ prefix: "temper-screenshots-" });
if (given === undefined) await trainDemo(folder);
const server = serveUi({ runs: folder, host: "127.0.0.1", port: 0 });
const browser = await launchBrowser();
try {
  const { rows } = await (await fetch(`${server.address}api/runs?sort=name`)).json();
  const run = encodeURIComponent(rows[0].id);
  await Deno.mkdir(join(root, "docs/images"), { recursive: true });
  for (const [file, page, colorScheme] of PICTURES) {
    const tab = await browser.newPage({ viewport: { width: 1400, height: 900 }, colorScheme });
    await tab.goto(`${server.address}runs/${run}${page}`);
    await tab.waitForFunction(() =>
      document.querySelector("[data-island]:not([data-hydrated])") === null
    );
    if (page === "") await tab.waitForSelector("[data-last-step]");
    const ends: number[] = await tab.evaluate(
      `[...document.querySelectorAll("${ENDS}")].map((part) => part.getBoundingClientRect().bottom)`,
    );
    const height = Math.max(...ends.filter((end) => end + MARGIN <= 900)) + MARGIN;
    const clip = { x: 0, y: 0, width: 1400, height };
    await tab.screenshot({ path: join(root, "docs/images", file), clip });
    console.log(`docs/images/${file}`);
  }
} finally {
  await browser.close();
  await server.close();
  if (given === undefined) await Deno.remove(folder, { recursive: true });
}
