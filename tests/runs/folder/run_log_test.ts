import assert from "node:assert/strict";
import { join } from "node:path";
import { RunLog } from "../../../lib/runs/folder/run_log.ts";
import { withTempDir } from "../../temp_dir.ts";

Deno.test("RunLog writes nothing until it is opened, then every line with the time", async () => {
  await withTempDir((dir) => {
    const path = join(dir, "log.txt");
    const log = new RunLog();
    log.add("first\nsecond");
    assert.deepEqual([...Deno.readDirSync(dir)], []);
    log.open(path);
    log.add("third");
    const again = new RunLog();
    again.open(path);
    again.add("fourth");
    const lines = Deno.readTextFileSync(path).trimEnd().split("\n");
    assert.deepEqual(lines.map((line) => line.slice(22)), ["first", "second", "third", "fourth"]);
    for (const line of lines) assert.match(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}/);
  });
});

Deno.test("RunLog does not stop a run when it cannot be written", () => {
  const log = new RunLog();
  log.open("/nowhere/at/all/log.txt");
  log.add("lost");
});
