import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { serveUi } from "../../web/server.ts";
import { writeGate } from "../cli/gate.ts";
import { withTempDir } from "../temp_dir.ts";
import { browserTest, complaintsOf } from "./browser.ts";

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));
const SMALL = "--batch-size 2 --mini-batch-size 2 --ppo-epochs 1 --eval-samples 2 " +
  "--max-new-tokens 6 --eval-max-new-tokens 6 --save-every 3 --device wasm --threads 1";
const STEPS = 6;

browserTest(
  "train --ui: charts move while it trains; then the adapter is tried",
  async (browser) => {
    await withTempDir(async (dir) => {
      const output = join(dir, "run");
      const gate = writeGate(dir, 4);
      const rewards = ["--reward", gate.script];
      const args = ["train", "--ui", "--steps", String(STEPS), ...SMALL.split(" "), ...rewards];
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-check", "-A", CLI, ...args, "--output", output],
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const errors = new Response(child.stderr).text();
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      let printed = "";
      let address: string | undefined;
      while (!(address = printed.match(/watch the run: (\S+)/)?.[1])) {
        const { value, done } = await reader.read();
        if (done) assert.fail(`no address: ${printed}${await errors}`);
        printed += value;
      }
      // Somebody has to read it, or the process would wait.
      const rest = (async () => {
        for (let part = await reader.read(); !part.done; part = await reader.read());
      })();

      const page = await browser.newPage();
      const complaints = complaintsOf(page);
      while ((await page.goto(`${address}runs/run`))?.status() === 404) {
        await page.waitForTimeout(100);
      }
      complaints.length = 0;
      const charts = page.locator("[data-last-step]");
      await charts.waitFor();
      const first = Number(await charts.getAttribute("data-last-step"));
      assert.ok(first < STEPS, "the run had ended before the page was open");
      const trial = await fetch(`${address}runs/run/try`);
      assert.match(await trial.text(), /keeps the device to itself/);
      gate.open();
      await page.waitForSelector(`[data-last-step="${STEPS}"]`);
      // The server may have ended by now, with the run.
      assert.deepEqual(complaints.filter((text) => !text.includes("net::ERR_")), []);
      const { code } = await child.status;
      await rest;
      assert.deepEqual([code, await errors], [0, ""]);

      const allowed = { reward: [gate.script] };
      const server = serveUi({ runs: dir, host: "127.0.0.1", port: 0, allowed });
      try {
        await page.goto(`${server.address}runs/run/try`);
        const dialogue = page.getByLabel("Dialogue");
        assert.match(await dialogue.inputValue(), /^#Person1#:/);
        await dialogue.fill("#Person1#: Did you like it? #Person2#: <script>alert(1)</script>");
        await page.getByRole("button", { name: "Summarize" }).click();
        await page.getByRole("heading", { name: "With the adapter" }).waitFor();
        const rewards = await page.locator(".measures dd").allInnerTexts();
        assert.equal(rewards.length, 4);
        // A reward and a toxicity for each answer.
        for (const [i, value] of rewards.entries()) {
          assert.match(value, [/^−?\d+\.\d{3}$/, /^[01]\.\d{4}$/][i % 2]);
        }
        await page.getByLabel("Adapter").selectOption("checkpoint-3");
        await page.getByRole("button", { name: "Summarize" }).click();
        await page.getByRole("heading", { name: "With checkpoint-3" }).waitFor();
      } finally {
        await server.close();
      }
    });
  },
);
