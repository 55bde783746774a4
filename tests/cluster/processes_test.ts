import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CTRL_C, plainText, runInTerminal } from "../../scripts/pseudo_terminal.ts";
import { start } from "../cli/temper.ts";
import { SMALL } from "../runs/small_run.ts";
import { withTempDir } from "../temp_dir.ts";
import { hasServer, withServer } from "../../scripts/nats_server.ts";

const ignore = !hasServer() || Deno.build.os !== "linux";
const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));

/** Command lines of the processes that have a folder as their folder for temporary files. */
async function processesOf(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const variables = (await Deno.readTextFile(`/proc/${name}/environ`)).split("\0");
      if (!variables.includes(`TMPDIR=${folder}`)) continue;
      found.push((await Deno.readTextFile(`/proc/${name}/cmdline`)).replaceAll("\0", " "));
    } catch {
      // It has ended, or is another user's.
    }
  }
  return found;
}

/** Waits until nothing that was started with the folder is left: neither processes nor files. */
async function nothingLeft(folder: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const left = await processesOf(folder);
    if (left.length === 0) return assert.deepEqual([...Deno.readDirSync(folder)], []);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.deepEqual(await processesOf(folder), []);
}

/** Writes a config of a long run; returns its path and a folder for temporary files. */
async function prepare(folder: string): Promise<{ config: string; temporary: string }> {
  const config = join(folder, "settings.json");
  await Deno.writeTextFile(config, JSON.stringify({ ...SMALL, steps: 500 }));
  const temporary = join(folder, "tmp");
  await Deno.mkdir(temporary);
  return { config, temporary };
}

Deno.test({
  name: "Ctrl-C ends a trainer with its own workers after a step; nothing of theirs is left",
  ignore,
  async fn() {
    await withTempDir(async (folder) => {
      const { config, temporary } = await prepare(folder);
      const run = join(folder, "run");
      const { code, killed, output } = await runInTerminal(
        `deno run -A --no-check ${CLI} train --workers 1 --config ${config} --output ${run}`,
        { env: { TMPDIR: temporary }, press: [{ after: /step +\d+|\d+\/500/, keys: CTRL_C }] },
      );
      const shown = plainText(output);
      assert.equal(killed, null, shown);
      assert.equal(code, 130, shown);
      assert.match(shown, /stopped after step \d+ of 500/);
      assert.doesNotMatch(shown, /has ended|no room|removed/);
      await nothingLeft(temporary);
    });
  },
});

Deno.test({
  name: "a trainer that is killed takes its own workers and server with it",
  ignore,
  async fn() {
    await withTempDir(async (folder) => {
      const { config, temporary } = await prepare(folder);
      const args = ["train", "--workers", "1", "--config", config, "--no-progress"];
      const { child, stdout, stderr, ended } = start(
        [...args, "--output", join(folder, "run")],
        { env: { TMPDIR: temporary } },
      );
      while (!/step 1\b|1\/500/.test(stdout() + stderr())) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      // Trainer, server, worker and guard.
      assert.equal((await processesOf(temporary)).length, 4);
      child.kill("SIGKILL");
      await ended;
      await nothingLeft(temporary);
    });
  },
});

Deno.test({
  name: "Ctrl-C ends a worker in a terminal, which says so",
  ignore,
  async fn() {
    await withServer(async ({ url }) => {
      const { code, killed, output } = await runInTerminal(
        `deno run -A --no-check ${CLI} work ${url}`,
        { press: [{ after: /waiting for a run/, keys: CTRL_C }] },
      );
      assert.equal(killed, null, output);
      assert.equal(code, 130, output);
      assert.match(plainText(output), /stopped: work that was not done goes to other workers/);
    });
  },
});
