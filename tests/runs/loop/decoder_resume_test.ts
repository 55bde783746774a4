import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { resumeConfig, train } from "../../../lib/runs/loop/train.ts";
import { withFolder } from "../../cli/temper.ts";
import { outcome, smallRun } from "../small_run.ts";

const model = fileURLToPath(
  new URL("../../golden_causal/cases/llama/checkpoint", import.meta.url),
);

Deno.test("a run on a decoder-only model that crashed is resumed bit for bit", () =>
  withFolder(async (folder) => {
    const [whole, cut] = ["whole", "cut"].map((name) => join(folder, name));
    await train(smallRun(whole, { model }));
    const crash = { stepped: (step: number) => assert.notEqual(step, 3, "crash") };
    await assert.rejects(train(smallRun(cut, { model }), crash), /crash/);
    await train(await resumeConfig(cut, {}), {}, { resume: true });
    assert.deepEqual(await outcome(cut), await outcome(whole));
  }));
