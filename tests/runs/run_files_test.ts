import assert from "node:assert/strict";
import { join } from "node:path";
import type { PPOStats } from "../../lib/rl/statistics.ts";
import { JsonLines } from "../../lib/runs/jsonl.ts";
import { MetricsFile } from "../../lib/runs/metrics.ts";
import { percentChange, type Summary, writeSummary } from "../../lib/runs/summary.ts";
import { withFolder } from "../cli/temper.ts";

Deno.test("JsonLines appends whole lines, and refuses a file that is there", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "rows.jsonl");
    {
      using rows = new JsonLines(path);
      rows.append({ a: 1 }, { a: 2 });
      assert.equal(await Deno.readTextFile(path), '{"a":1}\n{"a":2}\n');
      rows.append({ text: "two\nlines" });
    }
    assert.equal((await Deno.readTextFile(path)).split("\n")[2], '{"text":"two\\nlines"}');
    assert.throws(() => new JsonLines(path), /cannot write .*rows.jsonl: /);
  });
});

Deno.test("a file that cannot be written is named", () => {
  assert.throws(() => {
    using rows = new JsonLines("/dev/full/rows");
    rows.append({});
  }, /cannot write \/dev\/full\/rows: /);
});

Deno.test("metrics have numbers and arrays of rollouts, not of tokens", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "metrics.jsonl");
    using metrics = new MetricsFile(path);
    const stats = {
      "objective/kl": 0.5,
      "objective/kl_dist": Float32Array.of(0.25, 0.75),
      "objective/logprobs": [Float32Array.of(-1)],
      "ppo/policy/ratio": Float32Array.of(1, 1, 1),
    };
    metrics.appendStep(3, stats as unknown as PPOStats, { "time/generate": 2 });
    assert.deepEqual(JSON.parse(await Deno.readTextFile(path)), {
      "step": 3,
      "objective/kl": 0.5,
      "objective/kl_dist": [0.25, 0.75],
      "time/generate": 2,
    });
  });
});

Deno.test("summary.json", async () => {
  await withFolder(async (folder) => {
    const statistics = { mean: 0.5, std: 0.1, count: 2, interval: [0.4, 0.6] as [number, number] };
    const summary: Summary = {
      toxicity: { before: statistics, after: statistics },
      reward: { before: 1, after: 2 },
      steps: 3,
      parameters: { trainable: 10, all: 100 },
      seconds: 1.5,
    };
    const path = join(folder, "summary.json");
    await writeSummary(path, summary);
    assert.deepEqual(JSON.parse(await Deno.readTextFile(path)), summary);
    await assert.rejects(writeSummary(join(folder, "none", "summary.json"), summary), /none/);
  });
});

Deno.test("percentChange", () => {
  assert.equal(percentChange(0.4, 0.1).toFixed(3), "-75.000");
  assert.equal(percentChange(0.2, 0.3).toFixed(3), "50.000");
});
