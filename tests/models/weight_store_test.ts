import assert from "node:assert/strict";
import { join } from "node:path";
import { type TensorData, writeSafetensors } from "../../lib/formats/safetensors.ts";
import { T5ForConditionalGeneration } from "../../lib/models/t5/t5.ts";
import { FrozenStore, TrainableStore, type WeightSource } from "../../lib/models/weight_store.ts";
import { Parameters } from "../../lib/nn/parameters.ts";
import { Context } from "../../lib/tensor/context.ts";
import { embedding } from "../../lib/tensor/ops/embedding.ts";
import { linear } from "../../lib/tensor/ops/linear.ts";
import { deviceTest, withDevice } from "../device.ts";
import { withTempDir } from "../temp_dir.ts";
import { tinyConfig, tinyT5 } from "./t5/tiny_t5.ts";
import { TinyWeights } from "./tiny_weights.ts";

const CONFIG = {
  model_type: "t5",
  ...{ vocab_size: 37, d_model: 10, d_kv: 3, num_heads: 3, d_ff: 13 },
  ...{ num_layers: 3, num_decoder_layers: 2 },
  ...{ relative_attention_num_buckets: 8, relative_attention_max_distance: 20 },
};
const WO = "encoder.block.1.layer.1.DenseReluDense.wo.weight";

/** Loads a checkpoint of the tiny T5 with some tensors replaced; undefined leaves one out. */
function load(changes: Record<string, TensorData | undefined>): Promise<void> {
  return withDevice((device) =>
    withTempDir(async (folder) => {
      const weights = new TinyWeights();
      tinyT5(device, tinyConfig("v1.0"), { weights });
      const tensors = new Map<string, TensorData>();
      for (const [name, values] of weights.values) {
        const data = Float32Array.from(values);
        tensors.set(name, { dtype: "F32", shape: weights.shapes.get(name)!, data });
      }
      for (const [name, tensor] of Object.entries(changes)) {
        if (tensor) tensors.set(name, tensor);
        else tensors.delete(name);
      }
      await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify(CONFIG));
      await writeSafetensors(join(folder, "model.safetensors"), tensors);
      await T5ForConditionalGeneration.load(device, folder);
    })
  );
}

Deno.test("a checkpoint's tensors are found by name, others are no matter", async () => {
  await load({});
  const data = new Float32Array(6);
  await load({ "decoder.position_ids": { dtype: "F32", shape: [2, 3], data } });
});

Deno.test("an embedding under another name is refused where it is not the shared one", () =>
  assert.rejects(
    load({
      "decoder.embed_tokens.weight": { dtype: "F32", shape: [2, 3], data: new Float32Array(6) },
    }),
    {
      name: "UserError",
      message: /different values in "shared\.weight" and "decoder\.embed_tokens\.weight"/,
    },
  ));

Deno.test("a missing tensor is named, with the shape that config.json asks for", () =>
  assert.rejects(load({ [WO]: undefined }), {
    name: "UserError",
    message:
      /model\.safetensors has no tensor "encoder\.block\.1\.layer\.1\.DenseReluDense\.wo\.weight", which its config\.json asks for \(\[10, 13\]\)/,
  }));

Deno.test("a tensor of another shape is named, with both shapes", async () => {
  for (const shape of [[13, 10], [10, 14], [130]]) {
    const data = new Float32Array(shape.reduce((a, b) => a * b));
    await assert.rejects(load({ [WO]: { dtype: "F32", shape, data } }), {
      name: "UserError",
      message: new RegExp(
        `model\\.safetensors: tensor "${WO}" is \\[${
          shape.join(", ")
        }\\], config\\.json asks for \\[10, 13\\]`,
      ),
    });
  }
});

Deno.test("a tensor of integers is refused by name", () =>
  assert.rejects(load({ [WO]: { dtype: "I32", shape: [10, 13], data: new Int32Array(130) } }), {
    name: "UserError",
    message: new RegExp(`tensor "${WO}" is I32, expected floating-point numbers`),
  }));

for (const dtype of ["f32", "bf16"] as const) {
  Deno.test(`FrozenStore: matrices and tables in ${dtype}, small tensors in f32`, () =>
    withDevice(async (device) => {
      const weights = new TinyWeights();
      const store = new FrozenStore(device, weights, dtype);
      const table = store.table("table", 5, 3);
      const norm = store.tensor("norm", [4]);
      const matrix = store.matrix("matrix", 3, 3);
      assert.deepEqual([table.dtype, table.shape], [dtype, [5, 3]]);
      assert.deepEqual([norm.dtype, norm.requiresGrad], ["f32", false]);
      assert.ok(store.has("anything"));
      const cx = new Context(device);
      // Rows of the table, and those of the matrix, transposed, as what it makes of unit vectors.
      const rows = await embedding(cx, table, cx.from(Int32Array.of(4, 0))).read();
      const expected = weights.values.get("table")!;
      assert.deepEqual([...rows], [...expected.slice(12), ...expected.slice(0, 3)]);
      const unit = cx.from(Float32Array.of(0, 1, 0), [1, 3]);
      const m = weights.values.get("matrix")!;
      assert.deepEqual([...await linear(cx, unit, matrix).read()], [m[1], m[4], m[7]]);
      assert.deepEqual([...await norm.read()], [...weights.values.get("norm")!]);
      cx.release();
      assert.ok(device.memory.used > 0);
      store.dispose();
      assert.equal(device.memory.used, 0);
    }));
}

Deno.test("FrozenStore: values round to the nearest bf16, ties to even", () =>
  withDevice(async (device) => {
    const word = (bits: number) => new Float32Array(Uint32Array.of(bits).buffer)[0];
    const values = [0x3f808000, 0x3f818000, 0x3f808001, 0xbf80ffff, 0x00000000].map(word);
    const source = { has: () => true, read: () => Float32Array.from(values) };
    const table = new FrozenStore(device, source, "bf16").table("t", 1, 5);
    const cx = new Context(device);
    assert.deepEqual(
      [...await embedding(cx, table, cx.from(Int32Array.of(0))).read()],
      [0x3f800000, 0x3f820000, 0x3f810000, 0xbf810000, 0x00000000].map(word),
    );
    cx.release();
  }));

Deno.test("TrainableStore: hands out the parameters themselves", () =>
  withDevice((device) => {
    const specs = [{ name: "m", shape: [3, 2] }, { name: "n", shape: [2] }];
    const parameters = Parameters.create(device, specs, { trainable: true });
    const store = new TrainableStore(parameters);
    assert.deepEqual([store.has("m"), store.has("x")], [true, false]);
    assert.equal(store.matrix("m", 3, 2).values, parameters.get("m"));
    assert.equal(store.table("m", 3, 2), parameters.get("m"));
    assert.equal(store.tensor("n", [2]), parameters.get("n"));
    return Promise.resolve();
  }));

deviceTest(
  "FrozenStore.together: the same weights, read in their order, in one block",
  async (device) => {
    const names: string[] = [];
    const weights = new TinyWeights();
    const read: WeightSource["read"] = (name, shape, first, count) => {
      names.push(name);
      return weights.read(name, shape, first, count);
    };
    const store = new FrozenStore(device, { has: () => true, read }, "f32");
    const made = store.together(() => ({
      q: store.matrix("matrix", 3, 3),
      transposed: store.matrix("transposed", 2, 4, { transposed: true }),
      norm: store.tensor("norm", [4]),
    }));
    assert.deepEqual(names, ["matrix", "transposed", "norm"]);
    assert.deepEqual([...await made.norm.read()], [...weights.values.get("norm")!]);
    const cx = new Context(device);
    const unit = cx.from(Float32Array.of(0, 1, 0), [1, 3]);
    const m = weights.values.get("matrix")!;
    assert.deepEqual([...await linear(cx, unit, made.q).read()], [m[1], m[4], m[7]]);
    const t = weights.values.get("transposed")!;
    const third = cx.from(Float32Array.of(0, 0, 1, 0), [1, 4]);
    assert.deepEqual([...await linear(cx, third, made.transposed).read()], [t[4], t[5]]);
    if (device.kind === "webgpu") {
      const spans = [made.q.rowMajor, made.transposed.rowMajor, made.norm];
      assert.ok(device.bindsTogether(spans));
      assert.ok(!device.bindsTogether([...spans, store.tensor("alone", [4])]));
    }
    cx.release();
    store.dispose();
    assert.equal(device.memory.used, 0);
  },
);

deviceTest("FrozenStore.together: a weight that cannot be read leaves nothing", (device) => {
  const read = (name: string, shape: readonly number[]) => {
    if (name === "broken") throw new Error("broken");
    return new Float32Array(shape.reduce((a, b) => a * b));
  };
  assert.throws(() =>
    FrozenStore.build(device, { has: () => true, read }, "f32", (store) => {
      store.tensor("t", [5]);
      store.together(() => [store.matrix("m", 20, 3), store.matrix("broken", 20, 3)]);
    }), /broken/);
  assert.equal(device.memory.used, 0);
  return Promise.resolve();
});

Deno.test("FrozenStore.build: a model that cannot be built leaves nothing on the device", () =>
  withDevice((device) => {
    const read = (name: string, shape: readonly number[]) => {
      if (name === "broken") throw new Error("broken");
      return new Float32Array(shape.reduce((a, b) => a * b));
    };
    for (const part of ["matrix", "table"] as const) {
      assert.throws(() =>
        FrozenStore.build(device, { has: () => true, read }, "f32", (store) => {
          store.matrix("m", 20, 3);
          store.tensor("t", [5]);
          store[part]("broken", 20, 3);
        }), /broken/);
      assert.equal(device.memory.used, 0);
    }
    return Promise.resolve();
  }));
