import assert from "node:assert/strict";
import type { PromptMemory } from "../../../lib/models/language_model.ts";
import { T5ForConditionalGeneration } from "../../../lib/models/t5/t5.ts";
import { TrainableStore } from "../../../lib/models/weight_store.ts";
import type { LoraAdapter } from "../../../lib/nn/lora.ts";
import { Parameters } from "../../../lib/nn/parameters.ts";
import { Random } from "../../../lib/random.ts";
import { Context } from "../../../lib/tensor/context.ts";
import { Packed } from "../../../lib/tensor/packed.ts";
import { demoModelDir } from "../../demo_model.ts";
import { withDevice } from "../../device.ts";
import { assertClose, dot, randomValues } from "../../reference/check.ts";
import { logSoftmaxReference } from "../../reference/log_softmax.ts";
import { T5Reference } from "../../reference/t5.ts";
import { slopeAlong } from "../../numeric.ts";
import { merge, randomAdapter } from "../random_adapter.ts";
import { TinyWeights } from "../tiny_weights.ts";
import { tinyConfig, tinyT5 } from "./tiny_t5.ts";

/** f32 through five blocks. */
const TOLERANCE = 1e-5;

const tokens = (seed: number, length: number) => {
  const random = new Random(seed);
  return Array.from({ length }, () => random.integer(0, 37));
};
/** Lengths from one token to more than the relative bias tells apart. */
const INPUTS = [tokens(1, 9), tokens(2, 1), tokens(3, 45)];
const DECODER_INPUTS = [tokens(4, 1), tokens(5, 33), tokens(6, 4)];
const TARGETS = [tokens(7, 1), tokens(8, 33), tokens(9, 4)];
/** Weights of the logprobs in the tests' loss. */
const WEIGHTS = randomValues(new Random(10), 38);

function concat(parts: Float64Array[]): Float64Array {
  return Float64Array.from(parts.flatMap((part) => [...part]));
}

/** Packed results of the reference. */
function referencePass(reference: T5Reference) {
  const encoded = INPUTS.map((ids) => reference.encode(ids));
  const hidden = DECODER_INPUTS.map((ids, b) => reference.decode(ids, encoded[b]));
  const logits = concat(hidden.map((h) => reference.logits(h)));
  const { logprobs, entropy } = logSoftmaxReference(logits, TARGETS.flat());
  return { encoded: concat(encoded), hidden: concat(hidden), logits, logprobs, entropy };
}

function forward(cx: Context, model: T5ForConditionalGeneration, adapter: LoraAdapter | null) {
  const memory = model.prefill(cx, INPUTS, adapter, "pass");
  const hidden = model.forward(cx, Packed.create(cx, DECODER_INPUTS), memory, adapter);
  const targets = cx.from(Int32Array.from(TARGETS.flat()));
  return { hidden, ...model.logprobs(cx, hidden, targets) };
}

async function assertForward(
  model: T5ForConditionalGeneration,
  adapter: LoraAdapter | null,
  reference: T5Reference,
): Promise<void> {
  const cx = new Context(model.device);
  const encoded = model.encode(cx, Packed.create(cx, INPUTS), adapter);
  const { hidden, logprobs, entropy } = forward(cx, model, adapter);
  const logits = model.logits(cx, hidden);
  const expected = referencePass(reference);
  assertClose(await encoded.read(), expected.encoded, TOLERANCE, "encoder's hidden states");
  assertClose(await hidden.read(), expected.hidden, TOLERANCE, "decoder's hidden states");
  assertClose(await logits.read(), expected.logits, TOLERANCE, "logits");
  assertClose(await logprobs.read(), expected.logprobs, TOLERANCE, "logprobs");
  assertClose(await entropy.read(), expected.entropy, TOLERANCE, "entropy");
  cx.release();
}

Deno.test("T5: ranks and scales of single layers are those of the merged model", () =>
  withDevice(async (device) => {
    const weights = new TinyWeights();
    const model = tinyT5(device, tinyConfig("v1.1"), { weights });
    const adapter = randomAdapter(model, ["q", "k", "v", "wo"], {
      useRslora: true,
      rankPattern: { "SelfAttention.q": 7, k: 1, "decoder.*v": 5 },
      alphaPattern: { "[qv]": 2, wo: 0.5 },
    });
    const ranks = new Map<string, number>();
    const merged = await merge(weights, adapter, (module, r) => {
      ranks.set(module, r);
      const part = module.split(".").at(-1)!;
      return (({ q: 2, v: 2, wo: 0.5 } as Record<string, number>)[part] ?? 5) / Math.sqrt(r);
    });
    assert.equal(ranks.get("encoder.block.0.layer.0.SelfAttention.q"), 7);
    assert.equal(ranks.get("decoder.block.1.layer.1.EncDecAttention.q"), 3);
    assert.equal(ranks.get("decoder.block.1.layer.1.EncDecAttention.k"), 1);
    assert.equal(ranks.get("decoder.block.0.layer.0.SelfAttention.v"), 5);
    await assertForward(model, adapter, new T5Reference(tinyConfig("v1.1"), merged));
  }));

for (const activation of ["relu", "gelu", "gelu_new"] as const) {
  for (const gated of [false, true]) {
    Deno.test(`T5 with ${gated ? "gated" : "plain"} ${activation}: hidden states and logits`, () =>
      withDevice(async (device) => {
        const weights = new TinyWeights();
        const config = { ...tinyConfig("v1.1"), activation, gated };
        const model = tinyT5(device, config, { weights });
        await assertForward(model, null, new T5Reference(config, weights.values));
      }));
  }
}

for (const version of ["v1.0", "v1.1"] as const) {
  const config = tinyConfig(version);

  for (const dtype of ["f32", "bf16"] as const) {
    Deno.test(`T5 ${version} in ${dtype}: hidden states, logits, logprobs and entropy`, () =>
      withDevice(async (device) => {
        const weights = new TinyWeights();
        const model = tinyT5(device, config, { weights, dtype });
        await assertForward(model, null, new T5Reference(config, weights.values));
      }));
  }

  Deno.test(`T5 ${version}: an adapter on every linear layer is the merged model`, () =>
    withDevice(async (device) => {
      const weights = new TinyWeights();
      const model = tinyT5(device, config, { weights });
      const everywhere = ["q", "k", "v", "o", ...version === "v1.0" ? ["wi"] : ["wi_0", "wi_1"]];
      const adapter = randomAdapter(model, [...everywhere, "wo"]);
      const merged = await merge(weights, adapter);
      await assertForward(model, adapter, new T5Reference(config, merged));
    }));

  Deno.test(`T5 ${version}: gradients of every weight against finite differences`, () =>
    withDevice(async (device) => {
      const weights = new TinyWeights();
      tinyT5(device, config, { weights }); // asks for every weight
      const specs = [...weights.shapes].map(([name, shape]) => ({ name, shape }));
      const parameters = Parameters.create(device, specs, { trainable: true });
      for (const [name, values] of weights.values) {
        parameters.write(name, Float32Array.from(values));
      }
      const model = new T5ForConditionalGeneration(device, config, new TrainableStore(parameters));
      assert.equal(model.parameterCount, parameters.count);
      const { used } = device.memory;
      const cx = new Context(device, { grad: true });
      const { logprobs } = forward(cx, model, null);
      const gradient = cx.from(Float32Array.from(WEIGHTS));
      cx.backward([{ output: logprobs, gradient }]);
      cx.release();
      assert.equal(device.memory.used, used);

      // Along a random direction of each tensor at a time; a step so small that no relu turns on.
      const reference = new T5Reference(config, weights.values);
      const loss = () => dot(referencePass(reference).logprobs, WEIGHTS);
      const random = new Random(13);
      const actual: number[] = [];
      const expected: number[] = [];
      for (const [name, values] of weights.values) {
        const direction = randomValues(random, values.length);
        expected.push(slopeAlong(values, direction, loss, 1e-7));
        const slope = dot(await parameters.get(name).grad!.read(), direction);
        const difference = expected.at(-1)!;
        assert.ok(
          Math.abs(slope - difference) < 1e-3 * (1 + Math.abs(difference)),
          `${name}: ${slope} along a direction, differences say ${difference}`,
        );
        actual.push(slope);
      }
      assertClose(actual, expected, 1e-4, "slopes");
    }));
}

Deno.test("T5: gradients do not change when a longer pass comes before the backward pass", () =>
  withDevice(async (device) => {
    const model = tinyT5(device, tinyConfig("v1.0"));
    const adapter = randomAdapter(model, ["q", "v"]);
    const { parameters } = adapter;
    const gradients = async (between: () => void) => {
      parameters.zeroGrad();
      const cx = new Context(device, { grad: true });
      const { logprobs } = forward(cx, model, adapter);
      between();
      cx.backward([{ output: logprobs, gradient: cx.from(Float32Array.from(WEIGHTS)) }]);
      cx.release();
      return await parameters.gradients!.read();
    };
    const alone = await gradients(() => {});
    const other = new Context(device);
    const after = await gradients(() => {
      const long = [tokens(1, 300)];
      const memory = model.prefill(other, long, null, "pass");
      model.forward(other, Packed.create(other, long), memory, null);
    });
    other.release();
    assert.deepEqual(after, alone);
  }));

Deno.test("T5: dropout changes a pass, the same way for the same seed; off it changes nothing", () =>
  withDevice(async (device) => {
    const model = tinyT5(device, tinyConfig("v1.1"));
    const adapter = randomAdapter(model, ["q", "v"]);
    const run = async (dropoutSeed: number | null) => {
      const cx = new Context(device, { dropoutSeed });
      const result = await forward(cx, model, adapter).logprobs.read();
      cx.release();
      return result;
    };
    assert.deepEqual(await run(3), await run(3));
    assert.notDeepEqual(await run(3), await run(4));
    assert.notDeepEqual(await run(3), await run(null));
  }));

Deno.test("T5: a sequence's results do not depend on the others, bit for bit", () =>
  withDevice(async (device) => {
    const model = tinyT5(device, tinyConfig("v1.1"));
    const cx = new Context(device);
    const all = await model.encode(cx, Packed.create(cx, INPUTS), null).read();
    const last = await model.encode(cx, Packed.create(cx, INPUTS.slice(2)), null).read();
    assert.deepEqual(all.slice(10 * 10), last);
    cx.release();
  }));

Deno.test("T5: prompts kept for decoding, and joined from parts, give what a pass gives, bit for bit", () =>
  withDevice(async (device) => {
    const model = tinyT5(device, tinyConfig("v1.1"));
    const adapter = randomAdapter(model, ["q", "k", "v"]);
    const cx = new Context(device);
    const inputs = Packed.create(cx, DECODER_INPUTS);
    const hidden = (memory: PromptMemory) => model.forward(cx, inputs, memory, adapter).read();
    const expected = await hidden(model.prefill(cx, INPUTS, adapter, "pass"));
    const kept = model.prefill(cx, INPUTS, adapter, "decoding");
    assert.deepEqual(kept.lengths, [9, 1, 45]);
    assert.deepEqual(await hidden(kept), expected);
    const part = (...rows: number[]) => {
      const prompts = rows.map((row) => INPUTS[row]);
      return { rows, memory: model.prefill(cx, prompts, adapter, "decoding") };
    };
    const joined = model.joinPrompts(cx, [part(2, 0), part(1)], 3);
    assert.deepEqual(joined.lengths, [9, 1, 45]);
    assert.deepEqual(await hidden(joined), expected);
    const pass = { rows: [0, 1, 2], memory: model.prefill(cx, INPUTS, adapter, "pass") };
    assert.throws(() => model.joinPrompts(cx, [pass], 3), RangeError);
    assert.throws(() => model.forward(cx, inputs, { lengths: [9, 1, 45] }, adapter), TypeError);
    cx.release();
  }));

Deno.test("T5: a pass without a tape frees each layer's keys; decoding keeps all of them", () =>
  withDevice((device) => {
    /** Memory that is left of a pass over so many decoder layers. */
    const used = (numDecoderLayers: number, use: "pass" | "decoding") => {
      const model = tinyT5(device, { ...tinyConfig("v1.1"), numDecoderLayers });
      const run = () => {
        const cx = new Context(device);
        const before = device.memory.used;
        const memory = model.prefill(cx, INPUTS, null, use);
        model.forward(cx, Packed.create(cx, DECODER_INPUTS), memory, null);
        const after = device.memory.used;
        cx.release();
        return after - before;
      };
      run(); // makes the tables of relative positions
      return run();
    };
    assert.equal(used(6, "pass"), used(2, "pass"));
    const layer = 2 * 4 * 55 * 9; // k and v of 55 tokens, 3 heads of 3
    assert.ok(used(6, "decoding") - used(2, "decoding") >= 4 * layer);
    return Promise.resolve();
  }));

Deno.test("T5: linearModules names every linear layer with its sizes", () =>
  withDevice((device) => {
    const { linearModules } = tinyT5(device, tinyConfig("v1.0"));
    assert.equal(linearModules.length, 3 * (4 + 2) + 2 * (8 + 2));
    const sizes = new Map(linearModules.map((m) => [m.name, [m.inFeatures, m.outFeatures]]));
    assert.deepEqual(sizes.get("encoder.block.2.layer.0.SelfAttention.q"), [10, 9]);
    assert.deepEqual(sizes.get("decoder.block.1.layer.1.EncDecAttention.o"), [9, 10]);
    assert.deepEqual(sizes.get("decoder.block.0.layer.2.DenseReluDense.wi"), [10, 13]);
    assert.deepEqual(sizes.get("encoder.block.0.layer.1.DenseReluDense.wo"), [13, 10]);
    return Promise.resolve();
  }));

Deno.test("T5.load: the demo's checkpoint; bf16 takes less memory", () =>
  withDevice(async (device) => {
    const { config } = await T5ForConditionalGeneration.load(device, demoModelDir);
    assert.deepEqual([config.vocabSize, config.dModel, config.tieWordEmbeddings], [
      704,
      128,
      false,
    ]);
    const { used } = device.memory;
    await T5ForConditionalGeneration.load(device, demoModelDir, { dtype: "bf16" });
    assert.ok(device.memory.used - used < 0.55 * used);
  }));

for (const dropoutSeed of [null, 5]) {
  Deno.test(`T5: layers that are computed again give the same gradients, dropout ${dropoutSeed}`, () =>
    withDevice(async (device) => {
      const weights = new TinyWeights();
      const config = { ...tinyConfig("v1.1"), dropoutRate: 0.2 };
      tinyT5(device, config, { weights }); // asks for every weight
      const specs = [...weights.shapes].map(([name, shape]) => ({ name, shape }));
      const parameters = Parameters.create(device, specs, { trainable: true });
      for (const [name, values] of weights.values) {
        parameters.write(name, Float32Array.from(values));
      }
      const full = new T5ForConditionalGeneration(device, config, new TrainableStore(parameters));
      const frozen = tinyT5(device, config, { weights });
      const adapter = randomAdapter(frozen, ["q", "v"]);
      const cases = [[full, null, parameters], [frozen, adapter, adapter.parameters]] as const;
      for (const [model, lora, trained] of cases) {
        const gradients = async (activationMemory?: number) => {
          trained.zeroGrad();
          const { used } = device.memory;
          const cx = new Context(device, { grad: true, dropoutSeed, activationMemory });
          const { logprobs } = forward(cx, model, lora);
          const kept = device.memory.used - used;
          cx.backward([{ output: logprobs, gradient: cx.from(Float32Array.from(WEIGHTS)) }]);
          cx.release();
          assert.equal(device.memory.used, used);
          return { kept, values: await trained.gradients!.read() };
        };
        // Tables of relative positions are made once and stay.
        const first = new Context(device);
        forward(first, model, lora);
        first.release();
        const all = await gradients();
        const none = await gradients(0);
        const some = await gradients(all.kept / 2);
        assert.deepEqual(none.values, all.values);
        assert.deepEqual(some.values, all.values);
        assert.ok(none.kept < some.kept && some.kept < all.kept, `${none.kept} ${some.kept}`);
      }
    }));
}
