import assert from "node:assert/strict";
import { join } from "node:path";
import { deleteRun } from "../../../lib/runs/commands/history.ts";
import { withTempDir } from "../../temp_dir.ts";

Deno.test("a run whose deletion was cut short is still a run, and can be deleted", () =>
  withTempDir(async (dir) => {
    const run = join(dir, "run");
    const files = [
      "adapter/adapter_model.safetensors",
      "config.json",
      "environment.json",
      "log.txt",
    ];
    await Deno.mkdir(join(run, "adapter"), { recursive: true });
    for (const file of files) await Deno.writeTextFile(join(run, file), "{}");
    const { remove } = Deno;
    for (const removed of [0, 1, 1]) {
      let left = removed;
      Deno.remove = (...args) => left-- > 0 ? remove(...args) : Promise.reject(new Error("killed"));
      try {
        await assert.rejects(deleteRun(run), {
          name: "UserError",
          message: /^cannot delete .*run: /,
        });
      } finally {
        Deno.remove = remove;
      }
    }
    await deleteRun(run);
    assert.deepEqual([...Deno.readDirSync(dir)], []);
  }));
