import assert from "node:assert/strict";
import { join } from "node:path";
import { baseModelName, locate } from "../../../lib/runs/loading/locate.ts";
import { withTempDir } from "../../temp_dir.ts";

Deno.test("a path stays, the demo is found", async () => {
  await withTempDir(async (dir) => {
    assert.equal(await locate("model", dir, {}), dir);
    assert.equal(await locate("dataset", "./none/at/all", {}), "./none/at/all");
    const demo = await locate("model", "demo/tiny-flan-t5", {});
    assert.ok(Deno.statSync(join(demo, "config.json")).isFile);
  });
});

Deno.test("a model that is not there, and a file in its place", async () => {
  await withTempDir(async (dir) => {
    const file = join(dir, "model.safetensors");
    await Deno.writeTextFile(file, "");
    const expected = "expected a folder, or a name on the Hub (org/name)";
    for (const wanted of ["model", "onnx"] as const) {
      await assert.rejects(locate(wanted, "./none/at/all", {}), {
        name: "UserError",
        message: `cannot read ./none/at/all: it does not exist; ${expected}`,
      });
      await assert.rejects(locate(wanted, file, {}), {
        name: "UserError",
        message: `${file} is a file; ${expected}`,
      });
    }
  });
});

Deno.test("the folder of a run is refused with the model or the adapter in it", async () => {
  await withTempDir(async (dir) => {
    for (const name of ["config.json", "environment.json", "metrics.jsonl"]) {
      await Deno.writeTextFile(join(dir, name), "{}");
    }
    const refused = (message: string) =>
      assert.rejects(locate("model", dir, {}), { name: "UserError", message });
    await refused(`${dir} is the folder of a run, which has saved no model or adapter yet`);
    await Deno.mkdir(join(dir, "model"));
    await refused(`${dir} is the folder of a run: its model is ${join(dir, "model")}`);
    await Deno.mkdir(join(dir, "adapter"));
    await refused(`${dir} is the folder of a run: its adapter is ${join(dir, "adapter")}`);
  });
});

Deno.test("an adapter's base model is named without a revision of the Hub", async () => {
  assert.equal(baseModelName("google/flan-t5-base@v1"), "google/flan-t5-base");
  assert.equal(baseModelName("google/flan-t5-base"), "google/flan-t5-base");
  assert.equal(baseModelName("./models/a@b"), "./models/a@b");
  await withTempDir((dir) => assert.equal(baseModelName(dir), dir));
});
