import assert from "node:assert/strict";
import { join } from "node:path";
import { JsonLines, readRows, truncateRows } from "../../../lib/runs/folder/jsonl.ts";
import { MetricsFile } from "../../../lib/runs/folder/metrics.ts";
import { readSummary, writeSummary } from "../../../lib/runs/folder/summary.ts";
import { type Summary, summarySchema } from "../../../lib/runs/kinds/ppo/summary.ts";
import { withFolder } from "../../cli/temper.ts";

Deno.test("JsonLines appends whole lines, also to a file that is there", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "rows.jsonl");
    {
      using rows = new JsonLines(path);
      rows.append({ a: 1 }, { a: 2 });
      assert.equal(await Deno.readTextFile(path), '{"a":1}\n{"a":2}\n');
      rows.append({ text: "two\nlines" });
    }
    assert.equal((await Deno.readTextFile(path)).split("\n")[2], '{"text":"two\\nlines"}');
    {
      using rows = new JsonLines(path);
      rows.append({ a: 3 });
    }
    assert.deepEqual((await readRows<{ a?: number }>(path)).map(({ a }) => a), [
      1,
      2,
      undefined,
      3,
    ]);
  });
});

Deno.test("a file that cannot be written is named", () => {
  assert.throws(() => {
    using rows = new JsonLines("/dev/full/rows");
    rows.append({});
  }, /cannot write \/dev\/full\/rows: /);
});

Deno.test("metrics are appended with the step and the time", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "metrics.jsonl");
    using metrics = new MetricsFile(path);
    const before = Date.now() / 1000;
    metrics.appendStep(3, { "objective/kl": 0.5, "objective/kl_dist": [0.25, 0.75] });
    const { "time/unix": time, ...row } = JSON.parse(await Deno.readTextFile(path));
    assert.ok(time >= before && time <= Date.now() / 1000);
    assert.deepEqual(row, {
      "step": 3,
      "objective/kl": 0.5,
      "objective/kl_dist": [0.25, 0.75],
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
    assert.deepEqual(await readSummary(path, summarySchema), summary);
    assert.equal(await readSummary(join(folder, "none.json"), summarySchema), null);
    await assert.rejects(writeSummary(join(folder, "none", "summary.json"), summary), /none/);
  });
});

const torn: Record<string, [text: string, kept: string]> = {
  "later rows": [
    '{"step":1}\n{"step":2}\n{"step":2}\n{"step":3}\n',
    '{"step":1}\n{"step":2}\n{"step":2}\n',
  ],
  "a torn last line": ['{"step":1}\n{"step":2', '{"step":1}\n'],
  "a last line without its end": ['{"step":1}\n{"step":2}', '{"step":1}\n'],
  "garbage": ['{"step":1}\n{"step":2}\n\0\0\n\0', '{"step":1}\n{"step":2}\n'],
  "garbage before a later row": ['{"step":1}\n\0\0\n{"step":3}\n', '{"step":1}\n'],
  "nothing": ['{"step":1}\n{"step":2}\n', '{"step":1}\n{"step":2}\n'],
};
for (const [what, [text, kept]] of Object.entries(torn)) {
  Deno.test(`truncateRows takes away ${what}`, async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "rows.jsonl");
      await truncateRows(path, 2);
      await Deno.writeTextFile(path, text);
      await truncateRows(path, 2);
      assert.equal(await Deno.readTextFile(path), kept);
    });
  });
}

Deno.test("truncateRows names a line that no crash has broken, and changes nothing", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "rows.jsonl");
    for (const broken of ["\0\0", '{"st', "[2]", "null", '{"step":"2"}', ""]) {
      const text = `{"step":1}\n${broken}\n{"step":2}\n`;
      await Deno.writeTextFile(path, text);
      await assert.rejects(truncateRows(path, 2), {
        name: "UserError",
        message: `${path}: line 2 is damaged: restore it as the run wrote it, or delete it`,
      });
      assert.equal(await Deno.readTextFile(path), text);
    }
  });
});

Deno.test("readRows leaves out a torn last line, and names a broken one", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "rows.jsonl");
    assert.deepEqual(await readRows(path), []);
    await Deno.writeTextFile(path, '{"step":1}\n{"st');
    assert.deepEqual(await readRows(path), [{ step: 1 }]);
    await Deno.writeTextFile(path, '{"st\n{"step":1}\n');
    await assert.rejects(readRows(path), /rows.jsonl: line 1 is damaged/);
  });
});
