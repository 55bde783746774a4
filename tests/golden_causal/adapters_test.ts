/** Adapters of decoder-only models as PEFT scales, names and writes them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { SafetensorsFile } from "../../lib/formats/safetensors.ts";
import { createPolicy, loadAdapter, loadPolicy, savePolicy } from "../../lib/models/policy.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import { withDevice } from "../device.ts";
import { withTempDir } from "../temp_dir.ts";
import { families, familyCase, familyFolder } from "./families.ts";

const PREFIX = "base_model.model.";

/** PEFT's TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING. */
const DEFAULTS: Readonly<Record<string, string[]>> = {
  gpt2: ["c_attn"],
  llama: ["q_proj", "v_proj"],
  mistral: ["q_proj", "v_proj"],
  qwen2: ["q_proj", "v_proj"],
  qwen3: ["q_proj", "v_proj"],
  gemma3_text: ["q_proj", "v_proj"],
};

for (const family of families) {
  const { json } = familyCase<{ adapter_all_scaling?: Record<string, number> }>(family, "forward");
  const folder = familyFolder(family, "checkpoint");

  if (json.adapter_all_scaling) {
    Deno.test(`golden ${family}: adapter-all has PEFT's scale in each layer`, () =>
      withDevice(async (device) => {
        const model = await loadLanguageModel(device, folder);
        const adapter = await loadAdapter(model, familyFolder(family, "adapter-all"));
        const scales = model.linearModules.map(({ name }) =>
          [PREFIX + name, adapter.weights(name)?.scale] as const
        );
        assert.deepEqual(Object.fromEntries(scales), json.adapter_all_scaling);
      }));
  }

  Deno.test(`golden ${family}: layers of a new adapter by default, and all of them`, () =>
    withDevice(async (device) => {
      const model = await loadLanguageModel(device, folder);
      const lora = { r: 1, loraAlpha: 1, loraDropout: 0 };
      const { config } = createPolicy(model, lora, 1).adapter;
      assert.deepEqual(config.targetModules, DEFAULTS[model.modelType]);
      const all = createPolicy(model, { ...lora, targetModules: "all-linear" }, 1);
      assert.equal(all.parameters.names.length, 2 * model.linearModules.length + 2);
    }));

  Deno.test(`golden ${family}: a new policy's files have the form of PEFT's`, () =>
    withDevice((device) =>
      withTempDir(async (dir) => {
        const model = await loadLanguageModel(device, folder);
        const { config: lora } = await loadAdapter(model, familyFolder(family, "adapter"));
        const policy = createPolicy(model, lora, 1);
        await savePolicy(policy, dir, family);
        const read = (path: string) =>
          JSON.parse(Deno.readTextFileSync(join(path, "adapter_config.json")));
        const [written, golden] = [read(dir), read(familyFolder(family, "adapter"))];
        for (const [key, value] of Object.entries(written)) {
          if (key in golden) assert.deepEqual(value, golden[key], key);
        }
        assert.equal(written.task_type, "CAUSAL_LM");
        const shapes = (path: string) => {
          using file = SafetensorsFile.open(join(path, "adapter_model.safetensors"));
          return Object.fromEntries([...file.tensors].map(([name, { shape }]) => [name, shape]));
        };
        assert.deepEqual(shapes(dir), shapes(familyFolder(family, "adapter")));
        using head = SafetensorsFile.open(join(dir, "value_head.safetensors"));
        assert.deepEqual(head.info("v_head.summary.weight").shape, [1, model.hiddenSize]);
        assert.deepEqual(head.info("v_head.summary.bias").shape, [1]);
        const loaded = await loadPolicy(model, dir, 2);
        assert.deepEqual(await loaded.parameters.readAll(), await policy.parameters.readAll());
      })
    ));
}
