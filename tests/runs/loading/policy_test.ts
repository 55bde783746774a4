import assert from "node:assert/strict";
import { openDevice } from "../../../lib/device/open.ts";
import { saveAdapter } from "../../../lib/models/policy.ts";
import { loadAdaptedModel, noteRecommendations } from "../../../lib/runs/loading/policy.ts";
import { locate } from "../../../lib/runs/loading/locate.ts";
import { resolveSftConfig } from "../../../lib/runs/settings/sft_config.ts";
import { withTempDir } from "../../temp_dir.ts";

Deno.test("recommendations of generation_config.json that are not followed are named in one line", () => {
  const lines: string[] = [];
  const hooks = { info: (text: string) => lines.push(text) };
  noteRecommendations({ recommendedSampling: { temperature: 0.7, do_sample: true } }, hooks);
  noteRecommendations({ recommendedSampling: {} }, hooks);
  assert.deepEqual(lines, [
    "the model's generation_config.json recommends temperature 0.7, do_sample true: not followed, " +
    "set options to draw tokens so",
  ]);
});

Deno.test("a run trains a new adapter by its settings, or goes on from the one given", () =>
  withTempDir(async (adapter) => {
    const device = await openDevice({ device: "wasm", threads: 1 });
    try {
      const config = resolveSftConfig({ loraR: 2 });
      const model = await locate("model", config.model, {});
      const fresh = await loadAdaptedModel(device, { model }, config);
      const { count } = fresh.adapter.parameters;
      assert.deepEqual(fresh.count, { trainable: count, all: fresh.model.parameterCount + count });
      assert.ok(fresh.adapter.changesNothing);
      await saveAdapter(fresh, adapter, config.model);
      const given = await loadAdaptedModel(device, { model, adapter }, { ...config, loraR: 4 });
      assert.deepEqual(given.count, fresh.count);
    } finally {
      device.close();
    }
  }));
