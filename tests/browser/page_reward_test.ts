import assert from "node:assert/strict";
import { join } from "node:path";
import { temper as commandLine } from "../cli/temper.ts";
import { withTempDir } from "../temp_dir.ts";
import { browserTest } from "../web/browser.ts";
import { Site } from "./site.ts";
import { SMALL_PPO } from "./small_runs.ts";
import { unzip } from "./unzip.ts";

const SETTINGS = { ...SMALL_PPO, saveEvery: 1, device: "wasm", reward: ["brief"] };
const SOURCE = "export default (samples) => samples.map(({ response }) => -response.length / 100);";
const ADAPTER = "adapter/adapter_model.safetensors";

browserTest(
  "a run with a reward of the page's is resumed on a disk, bit for bit",
  async (browser) => {
    await using site = await Site.serve();
    const page = await browser.newPage();
    await site.show(page);
    const zips = await page.evaluate(async ([settings, source]) => {
      const worker = await temper.TemperWorker.start();
      const score = (samples: { response: string }[]) =>
        samples.map(({ response }) => -response.length / 100);
      const zips: string[] = [];
      for (const output of ["stopped", "whole"]) {
        const run = worker.train("ppo", { ...settings, output }, {
          rewards: { brief: { score, source } },
          on: { stepped: () => output === "stopped" && run.stop() },
        });
        await run.finished.catch(() => {});
        const bytes = new Uint8Array(await (await worker.zip(`/runs/${output}`)).arrayBuffer());
        zips.push(bytes.toHex());
      }
      worker.close();
      return zips;
    }, [SETTINGS, SOURCE] as const);
    await withTempDir(async (folder) => {
      for (const zip of zips) unzip(Uint8Array.fromHex(zip), join(folder, "runs"));
      const resume = () => commandLine(["train", "--resume", "runs/stopped"], { cwd: folder });
      const refused = await resume();
      assert.equal(refused.code, 1);
      assert.match(
        refused.stderr,
        /there is no \.\/rewards\/brief\.js, a reward that was written in a page: copy it from runs\/stopped\/rewards\/brief\.js, then resume/,
      );
      await Deno.mkdir(join(folder, "rewards"));
      await Deno.copyFile(
        join(folder, "runs/stopped/rewards/brief.js"),
        join(folder, "rewards/brief.js"),
      );
      const { code, stderr } = await resume();
      assert.equal(code, 0, stderr);
      const [resumed, whole] = ["stopped", "whole"].map((run) =>
        Deno.readFileSync(join(folder, "runs", run, ADAPTER))
      );
      assert.deepEqual(resumed, whole);
    });
  },
);
