/**
 * Makes the README's pictures of the web UI, docs/images/ui-*.png, with Debian's chromium.
 *
 * deno task screenshots            train the demo twice for them, which takes a few minutes
 * deno task screenshots FOLDER     show the runs of a folder; the first by name is the one looked at
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { launchBrowser } from "../tests/web/browser.ts";
import { serveUi } from "../web/server.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The pictures: file, page of the run, colours. */
const PICTURES = [
  ["ui-run.png", "", "light"],
  ["ui-comparison.png", "/comparison", "dark"],
] as const;

async function trainDemos(folder: string): Promise<void> {
  for (const [name, ...options] of [["detox"], ["detox-lower-rate", "--learning-rate", "2e-4"]]) {
    const args = ["run", "-A", "cli.ts", "train", "--name", name, ...options];
    const command = new Deno.Command(Deno.execPath(), {
      args: [...args, "--output", join(folder, name)],
      cwd: root,
    });
    if (!(await command.spawn().status).success) Deno.exit(1);
  }
}

const given = Deno.args[0];
const folder = given ?? await Deno.makeTempDir({ prefix: "temper-screenshots-" });
if (given === undefined) await trainDemos(folder);
const server = serveUi({ runs: folder, host: "127.0.0.1", port: 0 });
const browser = await launchBrowser();
try {
  const { rows } = await (await fetch(`${server.address}api/runs?sort=name`)).json();
  const run = encodeURIComponent(rows[0].id);
  await Deno.mkdir(join(root, "docs/images"), { recursive: true });
  for (const [file, page, colorScheme] of PICTURES) {
    const tab = await browser.newPage({ viewport: { width: 1400, height: 900 }, colorScheme });
    await tab.goto(`${server.address}runs/${run}${page}`);
    if (page === "") await tab.waitForSelector("[data-last-step]");
    await tab.screenshot({ path: join(root, "docs/images", file) });
    console.log(`docs/images/${file}`);
  }
} finally {
  await browser.close();
  await server.close();
  if (given === undefined) await Deno.remove(folder, { recursive: true });
}
