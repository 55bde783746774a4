import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { mergeAdapter } from "../../lib/formats/merge.ts";
import { SafetensorsFile, writeSafetensors } from "../../lib/formats/safetensors.ts";
import type { TensorData } from "../../lib/formats/tensor_file.ts";
import { writeTorchFile } from "../../lib/formats/torch_bin_writer.ts";
import { loadAdapter } from "../../lib/models/policy.ts";
import type { LanguageModel } from "../../lib/models/language_model.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import type { LoraAdapter } from "../../lib/nn/lora.ts";
import { Context } from "../../lib/tensor/context.ts";
import { Packed } from "../../lib/tensor/packed.ts";
import { demoModelDir } from "../demo_model.ts";
import { withDevice } from "../device.ts";
import { relativeNorm } from "../numeric.ts";
import { withTempDir } from "../temp_dir.ts";

const ADAPTER = fileURLToPath(new URL("../golden/cases/adapter", import.meta.url));
const Q = "encoder.block.0.layer.0.SelfAttention.q.weight";

/** Logits of a fixed input. */
async function logits(
  model: LanguageModel,
  adapter: LoraAdapter | null,
): Promise<Float32Array> {
  const cx = new Context(model.device);
  const prompts = [[31, 35, 54, 16, 3, 10, 1], [20, 30, 1]];
  const memory = model.prefill(cx, prompts, adapter, "pass");
  const inputs = Packed.create(cx, [[0, 48, 25], [0, 7]]);
  const hidden = model.forward(cx, inputs, memory, adapter);
  const values = await model.logits(cx, hidden).read();
  cx.release();
  return values;
}

/** The demo model's folder with its weights as `change` makes them, written by `write`. */
async function makeModel(
  dir: string,
  file: string,
  change: (name: string, values: Float32Array<ArrayBuffer>) => TensorData | null,
): Promise<void> {
  const tensors = new Map<string, TensorData>();
  {
    using source = SafetensorsFile.open(join(demoModelDir, "model.safetensors"));
    for (const { name, shape } of source.tensors.values()) {
      const data = source.readFloats(name);
      tensors.set(name, change(name, data) ?? { dtype: "F32", shape, data });
    }
  }
  const shared = tensors.get("shared.weight")!;
  tensors.set("encoder.embed_tokens.weight", shared);
  await Deno.copyFile(join(demoModelDir, "config.json"), join(dir, "config.json"));
  await (file.endsWith(".bin") ? writeTorchFile : writeSafetensors)(join(dir, file), tensors);
}

Deno.test("the merged model gives the logits of the model with its adapter", () =>
  withDevice((device) =>
    withTempDir(async (dir) => {
      const merged = join(dir, "made", "merged");
      await mergeAdapter(demoModelDir, ADAPTER, merged);
      const model = await loadLanguageModel(device, demoModelDir);
      const expected = await logits(model, await loadAdapter(model, ADAPTER));
      assert.ok(
        relativeNorm(await logits(model, null), expected) > 0.01,
        "the adapter does nothing",
      );
      const alone = await loadLanguageModel(device, merged);
      assert.ok(relativeNorm(await logits(alone, null), expected) < 1e-5);

      const text = "The adapter is part of it.";
      const ids = async (folder: string) => (await Tokenizer.load(folder)).encode(text);
      assert.deepEqual(await ids(merged), await ids(demoModelDir));
      using before = SafetensorsFile.open(join(demoModelDir, "model.safetensors"));
      using after = SafetensorsFile.open(join(merged, "model.safetensors"));
      assert.deepEqual([...after.tensors.keys()], [...before.tensors.keys()]);
      assert.deepEqual(after.readBytes("shared.weight"), before.readBytes("shared.weight"));
    })
  ));

Deno.test("weights keep their dtype; those of a .bin become safetensors without repetition", async () => {
  await withTempDir(async (dir) => {
    const [source, merged, reference] = ["source", "merged", "reference"].map((n) => join(dir, n));
    Deno.mkdirSync(source);
    await makeModel(source, "pytorch_model.bin", (name, values) => {
      const shape = name === "shared.weight" ? [704, 128] : [128, 128];
      if (name !== Q && name !== "shared.weight") return null;
      return { dtype: "F16", shape, data: Float16Array.from(values) };
    });
    await mergeAdapter(source, ADAPTER, merged);
    await mergeAdapter(demoModelDir, ADAPTER, reference);
    using file = SafetensorsFile.open(join(merged, "model.safetensors"));
    using expected = SafetensorsFile.open(join(reference, "model.safetensors"));
    assert.equal(file.info(Q).dtype, "F16");
    assert.deepEqual([...file.tensors.keys()].sort(), [...expected.tensors.keys()].sort());
    const error = relativeNorm(file.readFloats(Q), expected.readFloats(Q));
    assert.ok(error > 0 && error < 1e-3, `${error}`);
  });
});

Deno.test("refused: another model's adapter, integers, an output that is not empty", async () => {
  await withTempDir(async (dir) => {
    const refused = (model: string, output: string, message: RegExp) =>
      assert.rejects(mergeAdapter(model, ADAPTER, output), { name: "UserError", message });
    const output = join(dir, "merged");
    await refused(dir, output, /is not a model's folder: it has no config\.json|does not exist or/);
    await refused(demoModelDir, ADAPTER, /output folder .*adapter is not empty/);

    const narrow = join(dir, "narrow");
    Deno.mkdirSync(narrow);
    await makeModel(
      narrow,
      "model.safetensors",
      (name) => name === Q ? { dtype: "F32", shape: [2, 2], data: new Float32Array(4) } : null,
    );
    await refused(
      narrow,
      output,
      /its encoder.*lora_A\.weight is \[8, 128\], .*\.q\.weight \[2, 2\]/,
    );

    await makeModel(
      narrow,
      "model.safetensors",
      (name) =>
        name === Q ? { dtype: "I32", shape: [128, 128], data: new Int32Array(128 * 128) } : null,
    );
    await refused(narrow, output, /q\.weight" is I32, expected/);
  });
});
