import assert from "node:assert/strict";
import { join } from "node:path";
import { RunInterruptedError } from "../../../../lib/errors.ts";
import { readMetrics } from "../../../../lib/runs/folder/metrics.ts";
import { resumeConfig, train } from "../../../../lib/runs/loop/train.ts";
import { withFolder } from "../../../cli/temper.ts";
import { outcome, smallRun } from "../../small_run.ts";

const settings = { steps: 4, saveEvery: 2, learningRate: 0.001 };
const bestOf = async (run: string) =>
  await Deno.readTextFile(join(run, "best", "adapter_model.safetensors"));

Deno.test("measuring on the way changes nothing else, and keeps the best adapter", async () => {
  await withFolder(async (folder) => {
    const [plain, measured] = ["plain", "measured"].map((name) => join(folder, name));
    await train(smallRun(plain, settings));
    const lines: string[] = [];
    await train(smallRun(measured, { ...settings, evalEvery: 1, saveEvery: 1, keep: 9 }), {
      info: (line) => lines.push(line),
    });
    const rows = await readMetrics(join(measured, "metrics.jsonl"));
    const toxicities = rows.map((row) => row["eval/toxicity"] as number);
    assert.ok(toxicities.every((toxicity) => toxicity >= 0 && toxicity <= 1));
    const best = toxicities.indexOf(Math.min(...toxicities)) + 1;
    const checkpoint = join(measured, `checkpoint-${best}`, "adapter_model.safetensors");
    assert.equal(await bestOf(measured), await Deno.readTextFile(checkpoint));
    assert.ok(lines.some((line) => line.includes(`of step ${best}: ${join(measured, "best")}`)));

    const [a, b] = [await outcome(plain), await outcome(measured)];
    assert.deepEqual(
      b["adapter/adapter_model.safetensors"],
      a["adapter/adapter_model.safetensors"],
    );
    const without = (rows: unknown) =>
      (rows as Record<string, unknown>[]).map((row) =>
        Object.fromEntries(Object.entries(row).filter(([name]) => !name.startsWith("eval/")))
      );
    assert.deepEqual(without(b["metrics.jsonl"]), a["metrics.jsonl"]);
  });
});

Deno.test("a run that measures on the way is resumed bit for bit, its best adapter included", async () => {
  await withFolder(async (folder) => {
    const [whole, run] = ["whole", "run"].map((name) => join(folder, name));
    const config = { ...settings, evalEvery: 1 };
    await train(smallRun(whole, config));
    const stop = new AbortController();
    await assert.rejects(
      train(smallRun(run, config), { stepped: (step) => step === 3 && stop.abort() }, {
        signal: stop.signal,
      }),
      RunInterruptedError,
    );
    await train(await resumeConfig(run, {}), {}, { resume: true });
    assert.deepEqual(await outcome(run), await outcome(whole));
    assert.equal(await bestOf(run), await bestOf(whole));
  });
});

Deno.test("each of several rewards has its mean in the metrics, a single one has none", async () => {
  await withFolder(async (folder) => {
    const short = join(folder, "short.ts");
    await Deno.writeTextFile(
      short,
      "export default (samples: unknown[]) => samples.map((_, i) => i);\n",
    );
    const run = join(folder, "run");
    const [classifier] = smallRun(run).reward;
    await train(smallRun(run, { steps: 1, reward: [classifier, short] }));
    const [row] = await readMetrics(join(run, "metrics.jsonl"));
    assert.equal(row["rewards/short.ts/mean"] ?? row["rewards/short/mean"], 0.5);
    const names = Object.keys(row).filter((name) => name.startsWith("rewards/"));
    assert.equal(names.length, 2);
    await train(smallRun(join(folder, "one"), { steps: 1 }));
    const [single] = await readMetrics(join(folder, "one", "metrics.jsonl"));
    assert.ok(!Object.keys(single).some((name) => name.startsWith("rewards/")));
  });
});
