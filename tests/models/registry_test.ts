import assert from "node:assert/strict";
import { join } from "node:path";
import { generate } from "../../lib/generation/generate.ts";
import type { ModelFamily } from "../../lib/models/family.ts";
import { createAdapter, loadAdapter, saveAdapter } from "../../lib/models/policy.ts";
import { loadLanguageModel, modelFamily, registerModelFamily } from "../../lib/models/registry.ts";
import { parseT5Config } from "../../lib/models/t5/config.ts";
import { T5ForConditionalGeneration } from "../../lib/models/t5/t5.ts";
import { loadTrainableModel, saveTrainableModel } from "../../lib/models/trainable.ts";
import { demoModelDir } from "../demo_model.ts";
import { withDevice } from "../device.ts";
import { withTempDir } from "../temp_dir.ts";

/** A T5 by another name, which calls itself a decoder. */
class Renamed extends T5ForConditionalGeneration {
  override readonly modelType = "renamed";
  override readonly taskType = "CAUSAL_LM";
}

const family: ModelFamily = {
  modelType: "renamed",
  configure(json, path) {
    const config = parseT5Config({ ...json, model_type: "t5" }, path);
    return (device, store) => new Renamed(device, config, store);
  },
};
registerModelFamily(family);

/** The demo's folder with another `model_type`. */
async function renamedDemo(dir: string, type: unknown): Promise<string> {
  const folder = join(dir, "model");
  await Deno.mkdir(folder);
  for await (const { name } of Deno.readDir(demoModelDir)) {
    await Deno.copyFile(join(demoModelDir, name), join(folder, name));
  }
  const path = join(folder, "config.json");
  const config = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify({ ...config, model_type: type }));
  return folder;
}

Deno.test("a registered family is loaded, generates and is trained like any other", () =>
  withDevice((device) =>
    withTempDir(async (dir) => {
      const folder = await renamedDemo(dir, "renamed");
      const model = await loadLanguageModel(device, folder);
      const demo = await loadLanguageModel(device, demoModelDir);
      const prompts = [[5, 6, 7, 1], [20, 30, 1]];
      const config = { maxNewTokens: 5 };
      const expected = await generate(demo, prompts, config);
      assert.deepEqual(await generate(model, prompts, config), expected);

      const lora = { r: 2, loraAlpha: 4, loraDropout: 0, targetModules: ["q"] };
      const adapter = createAdapter(model, lora, 1);
      await saveAdapter({ model, adapter }, join(dir, "adapter"), "base");
      const saved = JSON.parse(await Deno.readTextFile(join(dir, "adapter/adapter_config.json")));
      assert.equal(saved.task_type, "CAUSAL_LM");
      await loadAdapter(model, join(dir, "adapter"));
      await assert.rejects(
        loadAdapter(demo, join(dir, "adapter")),
        /its task_type is CAUSAL_LM, this model's is SEQ_2_SEQ_LM/,
      );

      const trainable = await loadTrainableModel(device, folder);
      assert.equal(trainable.parameters.count, demo.parameterCount);
      await saveTrainableModel(trainable, folder, join(dir, "saved"));
      const again = await loadLanguageModel(device, join(dir, "saved"));
      assert.deepEqual(await generate(again, prompts, config), expected);
    })
  ));

Deno.test("an unknown model_type is refused by name, with those that are known", () =>
  withDevice((device) =>
    withTempDir(async (dir) => {
      const message = /config\.json: "model_type" is "bart", expected one of t5, llama, .*renamed/;
      const folder = await renamedDemo(dir, "bart");
      await assert.rejects(loadLanguageModel(device, folder), { name: "UserError", message });
      await assert.rejects(loadTrainableModel(device, folder), { name: "UserError", message });
      assert.throws(
        () => modelFamily({}, "config.json"),
        /"model_type" is missing, expected one of/,
      );
      assert.throws(
        () => modelFamily({ model_type: ["t5"] }, "config.json"),
        /is \["t5"\], expected/,
      );
    })
  ));

Deno.test("a model_type has one family", () => {
  assert.throws(() => registerModelFamily(family), /the model type "renamed" is taken/);
});
