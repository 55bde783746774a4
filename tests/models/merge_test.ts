import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { adapterChanges, applyChange } from "../../lib/models/adapter_changes.ts";
import { toBf16 } from "../../lib/formats/bf16.ts";
import { Checkpoint } from "../../lib/formats/checkpoint.ts";
import { writePeftAdapter } from "../../lib/formats/peft.ts";
import { mergeAdapter } from "../../lib/models/merge.ts";
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
    await Deno.writeTextFile(join(source, "chat_template.jinja"), "{{ messages }}");
    await makeModel(source, "pytorch_model.bin", (name, values) => {
      const shape = name === "shared.weight" ? [704, 128] : [128, 128];
      if (name !== Q && name !== "shared.weight") return null;
      return { dtype: "F16", shape, data: Float16Array.from(values) };
    });
    await mergeAdapter(source, ADAPTER, merged);
    await mergeAdapter(demoModelDir, ADAPTER, reference);
    assert.equal(Deno.readTextFileSync(join(merged, "chat_template.jinja")), "{{ messages }}");
    using file = SafetensorsFile.open(join(merged, "model.safetensors"));
    using expected = SafetensorsFile.open(join(reference, "model.safetensors"));
    assert.equal(file.info(Q).dtype, "F16");
    assert.deepEqual([...file.tensors.keys()].sort(), [...expected.tensors.keys()].sort());
    const error = relativeNorm(file.readFloats(Q), expected.readFloats(Q));
    assert.ok(error > 0 && error < 1e-3, `${error}`);
  });
});

Deno.test("a model in several files stays in as many, in its dtype, with an index", async () => {
  await withTempDir(async (dir) => {
    const [source, merged, whole] = ["source", "merged", "whole"].map((name) => join(dir, name));
    Deno.mkdirSync(source);
    await Deno.copyFile(join(demoModelDir, "config.json"), join(source, "config.json"));
    const weightMap: Record<string, string> = {};
    {
      using file = SafetensorsFile.open(join(demoModelDir, "model.safetensors"));
      const parts: Map<string, TensorData>[] = [new Map(), new Map()];
      for (const { name, shape } of file.tensors.values()) {
        const part = name.startsWith("encoder.") ? 0 : 1;
        parts[part].set(name, { dtype: "BF16", shape, data: toBf16(file.readFloats(name)) });
        weightMap[name] = `pytorch_model-0000${part + 1}-of-00002.bin`;
      }
      for (const [i, part] of parts.entries()) {
        await writeTorchFile(join(source, `pytorch_model-0000${i + 1}-of-00002.bin`), part);
      }
      await Deno.writeTextFile(
        join(source, "pytorch_model.bin.index.json"),
        JSON.stringify({ weight_map: weightMap }),
      );
    }
    await mergeAdapter(source, ADAPTER, merged);
    await mergeAdapter(demoModelDir, ADAPTER, whole);
    assert.deepEqual([...Deno.readDirSync(merged)].map(({ name }) => name).sort(), [
      "config.json",
      "model-00001-of-00002.safetensors",
      "model-00002-of-00002.safetensors",
      "model.safetensors.index.json",
    ]);
    const index = JSON.parse(Deno.readTextFileSync(join(merged, "model.safetensors.index.json")));
    for (const [name, file] of Object.entries(weightMap)) {
      const renamed = file.replace("pytorch_", "").replace(".bin", ".safetensors");
      assert.equal(index.weight_map[name], renamed);
    }
    using checkpoint = await Checkpoint.open(merged);
    using reference = await Checkpoint.open(whole);
    assert.deepEqual([...checkpoint.names()].sort(), [...reference.names()].sort());
    let bytes = 0;
    for (const name of checkpoint.names()) {
      const { dtype, shape } = checkpoint.info(name);
      assert.equal(dtype, "BF16");
      bytes += 2 * shape.reduce((product, size) => product * size, 1);
      const error = relativeNorm(checkpoint.readFloats(name), reference.readFloats(name));
      assert.ok(error < 0.01, `${name}: ${error}`);
    }
    assert.equal(index.metadata.total_size, bytes);
    assert.ok(relativeNorm(checkpoint.readFloats(Q), reference.readFloats(Q)) > 0);
  });
});

Deno.test("a layer that is stored as [in, out] gets the transpose of the update", () => {
  const a = { shape: [2, 3], data: Float32Array.from([1, 2, 3, 4, 5, 6]) };
  const b = { shape: [4, 2], data: Float32Array.from([1, -1, 0, 2, 3, 0.5, -2, 1]) };
  const config = {
    taskType: "CAUSAL_LM",
    r: 2,
    loraAlpha: 6,
    loraDropout: 0,
    targetModules: ["c"],
    useRslora: true,
    baseModel: null,
  } as const;
  const tensors = new Map([["h.c.lora_A.weight", a], ["h.c.lora_B.weight", b]]);
  const update = (fanInFanOut: boolean) => {
    const shape = fanInFanOut ? [3, 4] : [4, 3];
    const layout = { repeated: [], weight: () => ({ name: "c", fanInFanOut }) };
    const info = { name: "c", dtype: "F32", shape } as const;
    const checkpoint = { path: "model", has: (name: string) => name === "c", info: () => info };
    const adapter = { config, tensors };
    const change = adapterChanges(checkpoint, layout, adapter, "adapter").get("c")!;
    // In two pieces, as a file is.
    const [first, rest] = [shape[1], 12 - shape[1]].map((length) => new Float32Array(length));
    applyChange(first, shape[1], 0, change);
    applyChange(rest, shape[1], 1, change);
    return [...first, ...rest];
  };
  const expected = Array.from({ length: 12 }, (_, i) => {
    const [row, column] = [Math.floor(i / 3), i % 3];
    const sum = b.data[2 * row] * a.data[column] + b.data[2 * row + 1] * a.data[3 + column];
    return Math.fround(6 / Math.SQRT2 * sum);
  });
  assert.deepEqual(update(false), expected);
  const stored = Array.from({ length: 12 }, (_, i) => expected[(i % 4) * 3 + Math.floor(i / 4)]);
  assert.deepEqual(update(true), stored);
});

Deno.test("the head of a classifier's adapter replaces the model's", async () => {
  await withTempDir(async (dir) => {
    const [source, adapter, merged] = ["source", "adapter", "merged"].map((n) => join(dir, n));
    Deno.mkdirSync(source);
    const tensor = (shape: number[], value: number): TensorData => {
      const data = new Float32Array(shape.reduce((a, b) => a * b)).fill(value);
      return { dtype: "F32", shape, data };
    };
    const weights = { "bert.q.weight": tensor([3, 2], 1), "classifier.weight": tensor([1, 3], 1) };
    await Deno.writeTextFile(join(source, "config.json"), '{"model_type":"bert"}');
    await writeSafetensors(join(source, "model.safetensors"), new Map(Object.entries(weights)));
    const config = {
      taskType: "SEQ_CLS",
      r: 1,
      loraAlpha: 2,
      loraDropout: 0,
      targetModules: ["q"],
      modulesToSave: ["classifier", "score"],
      baseModel: null,
    } as const;
    const host = (shape: number[], value: number) => ({
      shape,
      data: new Float32Array(shape.reduce((a, b) => a * b)).fill(value),
    });
    const tensors = new Map([
      ["bert.q.lora_A.weight", host([1, 2], 3)],
      ["bert.q.lora_B.weight", host([3, 1], 4)],
    ]);
    const write = (shape: number[]) =>
      writePeftAdapter(adapter, {
        config,
        tensors,
        replaced: new Map([["classifier.weight", host(shape, 5)]]),
      });
    await write([1, 3]);
    await mergeAdapter(source, adapter, merged);
    using file = SafetensorsFile.open(join(merged, "model.safetensors"));
    assert.deepEqual([...file.readFloats("bert.q.weight")], Array(6).fill(25));
    assert.deepEqual([...file.readFloats("classifier.weight")], [5, 5, 5]);
    // A head for other labels.
    const relabeled = join(dir, "relabeled");
    await write([2, 3]);
    await mergeAdapter(source, adapter, relabeled);
    using other = SafetensorsFile.open(join(relabeled, "model.safetensors"));
    assert.deepEqual(other.info("classifier.weight").shape, [2, 3]);
    const { id2label } = JSON.parse(Deno.readTextFileSync(join(relabeled, "config.json")));
    assert.deepEqual(id2label, { 0: "LABEL_0", 1: "LABEL_1" });
    await write([1, 4]);
    await assert.rejects(mergeAdapter(source, adapter, join(dir, "other")), {
      name: "UserError",
      message: /its classifier\.weight is \[1, 4\], .* has classifier\.weight \[1, 3\]/,
    });
  });
});

Deno.test("a head that the model lacks has the type of its weights, whatever tensor comes first", async () => {
  await withTempDir(async (dir) => {
    const [source, adapter, merged] = ["source", "adapter", "merged"].map((n) => join(dir, n));
    Deno.mkdirSync(source);
    const weights: Record<string, TensorData> = {
      "roberta.embeddings.position_ids": {
        dtype: "I64",
        shape: [1, 2],
        data: BigInt64Array.of(0n, 1n),
      },
      "roberta.q.weight": { dtype: "F16", shape: [3, 2], data: new Float16Array(6) },
    };
    await Deno.writeTextFile(join(source, "config.json"), '{"model_type":"roberta"}');
    await writeSafetensors(join(source, "model.safetensors"), new Map(Object.entries(weights)));
    await writePeftAdapter(adapter, {
      config: {
        taskType: "SEQ_CLS",
        r: 1,
        loraAlpha: 1,
        loraDropout: 0,
        targetModules: ["q"],
        modulesToSave: ["classifier", "score"],
        baseModel: null,
      },
      tensors: new Map([
        ["roberta.q.lora_A.weight", { shape: [1, 2], data: Float32Array.of(1, 2) }],
        ["roberta.q.lora_B.weight", { shape: [3, 1], data: Float32Array.of(1, 2, 3) }],
      ]),
      replaced: new Map([
        ["classifier.out_proj.weight", { shape: [1, 3], data: Float32Array.of(5, 6, 7) }],
      ]),
    });
    await mergeAdapter(source, adapter, merged);
    using file = SafetensorsFile.open(join(merged, "model.safetensors"));
    assert.equal(file.info("classifier.out_proj.weight").dtype, "F16");
    assert.deepEqual([...file.readFloats("classifier.out_proj.weight")], [5, 6, 7]);
    assert.equal(file.info("roberta.embeddings.position_ids").dtype, "I64");
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
