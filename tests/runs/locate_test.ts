import assert from "node:assert/strict";
import { join } from "node:path";
import { locate } from "../../lib/runs/locate.ts";
import { withTempDir } from "../temp_dir.ts";

Deno.test("a path stays, the demo is found", async () => {
  await withTempDir(async (dir) => {
    assert.equal(await locate("model", dir, {}), dir);
    assert.equal(await locate("dataset", "./none/at/all", {}), "./none/at/all");
    const demo = await locate("model", "demo/tiny-flan-t5", {});
    assert.ok(Deno.statSync(join(demo, "config.json")).isFile);
  });
});
