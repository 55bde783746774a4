import assert from "node:assert/strict";
import { join } from "node:path";
import { locateSources, rewardSources, templateSource } from "../../../lib/runs/loading/sources.ts";
import { withTempDir } from "../../temp_dir.ts";

Deno.test("a run is made from its model, its dataset, and an adapter where there is one", async () => {
  await withTempDir(async (dir) => {
    const settings = { model: dir, adapter: null, dataset: "rows.csv" };
    assert.deepEqual(await locateSources(settings, {}), { model: dir, dataset: "rows.csv" });
    const adapted = await locateSources({ ...settings, adapter: dir }, {});
    assert.deepEqual(adapted, { model: dir, adapter: dir, dataset: "rows.csv" });
  });
});

Deno.test("the chat template of a run: the file of the settings, else the model's", async () => {
  await withTempDir(async (dir) => {
    assert.deepEqual(templateSource(dir, { chatTemplate: null }), {});
    const own = join(dir, "chat_template.jinja");
    await Deno.writeTextFile(own, "{{ messages }}");
    assert.deepEqual(templateSource(dir, { chatTemplate: null }), { "chat template": own });
    const other = { "chat template": "other.jinja" };
    assert.deepEqual(templateSource(dir, { chatTemplate: "other.jinja" }), other);
  });
});

Deno.test("rewards that are files are told from those that need none", async () => {
  const script = "./rewards/short.ts";
  assert.deepEqual(await rewardSources(["number", script, "json", "json:answer.json"], {}), {
    [`reward ${script}`]: script,
    "reward json:answer.json": "answer.json",
  });
});
