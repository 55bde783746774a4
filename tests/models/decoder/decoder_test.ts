import assert from "node:assert/strict";
import type { DecoderForCausalLM } from "../../../lib/models/decoder/decoder.ts";
import type { PromptMemory } from "../../../lib/models/language_model.ts";
import type { LoraAdapter } from "../../../lib/nn/lora.ts";
import { Random } from "../../../lib/random.ts";
import { Context } from "../../../lib/tensor/context.ts";
import { Packed } from "../../../lib/tensor/packed.ts";
import { deviceTest, gpuTest, withDevice } from "../../device.ts";
import { assertClose, dot, randomValues } from "../../reference/check.ts";
import { DecoderReference } from "../../reference/decoder.ts";
import { logSoftmaxReference } from "../../reference/log_softmax.ts";
import { slopeAlong } from "../../numeric.ts";
import { merge, randomAdapter } from "../random_adapter.ts";
import { TinyWeights } from "../tiny_weights.ts";
import { TINY_CONFIGS, tinyDecoder, tinyDecoderConfig, trainableDecoder } from "./tiny_decoder.ts";

/** f32 through three layers. */
const TOLERANCE = 2e-5;

const tokens = (seed: number, length: number) => {
  const random = new Random(seed);
  return Array.from({ length }, () => random.integer(0, 37));
};
/** From one token, of which nothing is read beforehand, to more than the windows hold. */
const PROMPTS = [tokens(1, 9), tokens(2, 1), tokens(3, 45)];
const RESPONSES = [tokens(4, 1), tokens(5, 33), tokens(6, 4)];
/** Row i continues prompt ROWS[i]. */
const ROWS = [2, 0, 2];
const COUNT = 38;
/** Weights of the logprobs in the tests' loss. */
const WEIGHTS = randomValues(new Random(10), COUNT);

const families = Object.keys(TINY_CONFIGS);
/** Linear layers of a family, without their paths. */
const ALL_LAYERS = (family: string) =>
  family === "gpt2"
    ? ["c_attn", "c_proj", "c_fc"]
    : ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

gpuTest("a step of decoding is 7 dispatches a layer, and 2", async (device) => {
  const model = tinyDecoder(device, tinyDecoderConfig("qwen3"));
  const cx = new Context(device);
  const memory = model.prefill(cx, PROMPTS.filter(({ length }) => length > 1), null);
  const window = model.startDecoding(cx, memory, [16, 16], null).window(cx, [0, 1], 0, 16);
  const ids = cx.from(Int32Array.of(3, 4));
  // The first step makes the table of angles.
  await window.step(cx, 0, ids, null).read();
  const before = device.counters.dispatches;
  await window.step(cx, 1, ids, null).read();
  assert.equal(device.counters.dispatches - before, 7 * model.config.layers.length + 2);
  cx.release();
});

/** Inputs of a response: the prompt's last token, and the response but for its last. */
function inputsOf(prompt: readonly number[], response: readonly number[]): number[] {
  return [prompt.at(-1)!, ...response.slice(0, -1)];
}

function concat(parts: readonly Float64Array[]): Float64Array {
  return Float64Array.from(parts.flatMap((part) => [...part]));
}

/** Packed results of the reference at the responses' positions. */
function referencePass(reference: DecoderReference, prompts: readonly number[][]) {
  const { hiddenSize } = reference.config;
  const hidden = RESPONSES.map((response, b) => {
    const text = [...prompts[b], ...response.slice(0, -1)];
    return reference.hidden(text).subarray((prompts[b].length - 1) * hiddenSize);
  });
  const logits = concat(hidden.map((h) => reference.logits(h)));
  const { logprobs, entropy } = logSoftmaxReference(logits, RESPONSES.flat());
  return { hidden: concat(hidden), logits, logprobs, entropy };
}

/** A pass over responses, whose rows may share prompts. */
function forward(
  cx: Context,
  model: DecoderForCausalLM,
  adapter: LoraAdapter | null,
  rows: readonly number[] = [0, 1, 2],
) {
  let memory = model.prefill(cx, PROMPTS, adapter);
  if (rows.some((prompt, row) => prompt !== row)) memory = model.selectPrompts(memory, rows);
  const inputs = RESPONSES.map((response, b) => inputsOf(PROMPTS[rows[b]], response));
  const hidden = model.forward(cx, Packed.create(cx, inputs), memory, adapter);
  const targets = cx.from(Int32Array.from(RESPONSES.flat()));
  return { hidden, ...model.logprobs(cx, hidden, targets) };
}

async function assertForward(
  model: DecoderForCausalLM,
  adapter: LoraAdapter | null,
  reference: DecoderReference,
): Promise<void> {
  const cx = new Context(model.device);
  const { hidden, logprobs, entropy } = forward(cx, model, adapter);
  const expected = referencePass(reference, PROMPTS);
  assertClose(await hidden.read(), expected.hidden, TOLERANCE, "hidden states");
  const logits = await model.logits(cx, hidden).read();
  assertClose(logits, expected.logits, TOLERANCE, "logits");
  assertClose(await logprobs.read(), expected.logprobs, TOLERANCE, "logprobs");
  assertClose(await entropy.read(), expected.entropy, TOLERANCE, "entropy");
  cx.release();
}

for (const family of families) {
  const config = tinyDecoderConfig(family);

  for (const dtype of ["f32", "bf16"] as const) {
    Deno.test(`${family} in ${dtype}: hidden states, logits, logprobs and entropy`, () =>
      withDevice(async (device) => {
        const weights = new TinyWeights();
        const model = tinyDecoder(device, config, { weights, dtype });
        await assertForward(model, null, new DecoderReference(config, weights.values));
      }));
  }

  Deno.test(`${family}: an adapter on every linear layer is the merged model`, () =>
    withDevice(async (device) => {
      const weights = new TinyWeights();
      const model = tinyDecoder(device, config, { weights });
      const adapter = randomAdapter(model, ALL_LAYERS(family));
      assert.equal(adapter.parameters.names.length, 2 * model.linearModules.length);
      const merged = await merge(weights, adapter, undefined, config.transposed);
      await assertForward(model, adapter, new DecoderReference(config, merged));
    }));

  Deno.test(`${family}: gradients of every weight against finite differences`, () =>
    withDevice(async (device) => {
      const weights = new TinyWeights();
      const { model, parameters } = trainableDecoder(device, config, weights);
      assert.equal(model.parameterCount, parameters.count);
      forward(new Context(device), model, null); // makes the tables of rotary positions
      const cx = new Context(device, { grad: true });
      const { logprobs } = forward(cx, model, null, ROWS);
      cx.backward([{ output: logprobs, gradient: cx.from(Float32Array.from(WEIGHTS)) }]);
      cx.release();

      // Along a random direction of each tensor at a time.
      const reference = new DecoderReference(config, weights.values);
      const prompts = ROWS.map((prompt) => PROMPTS[prompt]);
      const loss = () => dot(referencePass(reference, prompts).logprobs, WEIGHTS);
      const random = new Random(13);
      const actual: number[] = [];
      const expected: number[] = [];
      for (const [name, values] of weights.values) {
        const direction = randomValues(random, values.length);
        expected.push(slopeAlong(values, direction, loss, 1e-6));
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

  deviceTest(`${family}: shared, joined and separate prompts agree bit for bit`, async (device) => {
    const model = tinyDecoder(device, config);
    const adapter = randomAdapter(model, ALL_LAYERS(family).slice(0, 2));
    const cx = new Context(device);
    const prompts = ROWS.map((prompt) => PROMPTS[prompt]);
    const inputs = Packed.create(cx, prompts.map((p, b) => inputsOf(p, RESPONSES[b])));
    const hidden = (memory: PromptMemory) => model.forward(cx, inputs, memory, adapter).read();
    const expected = await hidden(model.prefill(cx, prompts, adapter));
    const read = model.prefill(cx, PROMPTS, adapter);
    assert.deepEqual(read.lengths, [9, 1, 45]);
    assert.deepEqual(await hidden(model.selectPrompts(read, ROWS)), expected);
    const part = (...rows: number[]) => ({
      rows,
      memory: model.prefill(cx, rows.map((row) => PROMPTS[row]), adapter),
    });
    const joined = model.joinPrompts(cx, [part(2, 1), part(0)], 3);
    assert.deepEqual(joined.lengths, [9, 1, 45]);
    assert.deepEqual(await hidden(model.selectPrompts(joined, ROWS)), expected);
    assert.throws(() => model.forward(cx, inputs, { lengths: [1, 1, 1] }, adapter), TypeError);
    cx.release();
  });

  deviceTest(
    `${family}: a text's results depend neither on the others nor on where its prompt ends`,
    async (device) => {
      const model = tinyDecoder(device, config);
      const cx = new Context(device);
      const texts = [tokens(20, 70), tokens(21, 3), tokens(22, 1)];
      const all = await model.encode(cx, Packed.create(cx, texts), null).read();
      const width = model.hiddenSize;
      for (const end of [1, 2, 32, 40, 69, 70]) {
        const memory = model.prefill(cx, [texts[0].slice(0, end)], null);
        const inputs = Packed.create(cx, [texts[0].slice(end - 1)]);
        const rest = await model.forward(cx, inputs, memory, null).read();
        assert.deepEqual(rest, all.slice((end - 1) * width, 70 * width), `prompt of ${end}`);
      }
      const memory = model.prefill(cx, texts.slice(1).map(([first]) => [first]), null);
      const others = model.forward(cx, Packed.create(cx, texts.slice(1)), memory, null);
      assert.deepEqual(await others.read(), all.slice(70 * width));
      cx.release();
    },
  );

  deviceTest(`${family}: steps of decoding are a pass, bit for bit`, async (device) => {
    const model = tinyDecoder(device, config);
    const adapter = randomAdapter(model, ALL_LAYERS(family), {
      useRslora: true,
      rankPattern: { "q_proj|c_attn": 7, k_proj: 1, "down_proj|mlp.c_proj": 33 },
      alphaPattern: { "v_proj|c_fc": 0.5 },
    });
    const cx = new Context(device);
    // More steps than a slot of the cache has room for at first, and than the windows hold.
    const steps = 80;
    const prompts = [tokens(30, 1), tokens(31, 40), tokens(31, 40)];
    const texts = prompts.map((prompt, b) => inputsOf(prompt, tokens(40 + b, steps)));
    const memory = model.selectPrompts(model.prefill(cx, prompts.slice(0, 2), adapter), [0, 1, 1]);
    const pass = await model.forward(cx, Packed.create(cx, texts), memory, adapter).read();
    const decoding = model.startDecoding(cx, memory, [steps, steps, steps], adapter);
    const width = model.hiddenSize;
    for (let first = 0; first < steps; first += 16) {
      // Row 0 leaves.
      const rows = first < 32 ? [0, 1, 2] : [1, 2];
      const window = decoding.window(cx, rows, first, 16);
      const reads = Array.from({ length: 16 }, (_, step) => {
        const ids = cx.from(Int32Array.from(rows, (row) => texts[row][first + step]));
        return window.step(cx, step, ids, null).read();
      });
      for (const [step, hidden] of (await Promise.all(reads)).entries()) {
        rows.forEach((row, i) => {
          const at = (row * steps + first + step) * width;
          const actual = hidden.slice(i * width, (i + 1) * width);
          assert.deepEqual(actual, pass.slice(at, at + width), `row ${row}, step ${first + step}`);
        });
      }
    }
    cx.release();
  });

  for (const dropoutSeed of [null, 5]) {
    Deno.test(`${family}: layers that are computed again give the same gradients, dropout ${dropoutSeed}`, () =>
      withDevice(async (device) => {
        const weights = new TinyWeights();
        const full = trainableDecoder(device, config, weights);
        const frozen = tinyDecoder(device, config, { weights });
        const adapter = randomAdapter(frozen, ALL_LAYERS(family).slice(0, 3));
        const cases = [
          [full.model, null, full.parameters],
          [frozen, adapter, adapter.parameters],
        ] as const;
        for (const [model, lora, trained] of cases) {
          const gradients = async (activationMemory?: number) => {
            trained.zeroGrad();
            const { used } = device.memory;
            const cx = new Context(device, { grad: true, dropoutSeed, activationMemory });
            const { logprobs } = forward(cx, model, lora, ROWS);
            const kept = device.memory.used - used;
            cx.backward([{ output: logprobs, gradient: cx.from(Float32Array.from(WEIGHTS)) }]);
            cx.release();
            assert.equal(device.memory.used, used);
            return { kept, values: await trained.gradients!.read() };
          };
          // Tables of rotary positions are made once and stay.
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
}

deviceTest("layers with a window keep no more of a prompt than it reaches", async (device) => {
  const model = tinyDecoder(device, tinyDecoderConfig("mistral")); // 5 positions in every layer
  const [long, short] = [tokens(50, 200), tokens(51, 8)];
  const response = tokens(52, 9);
  const pass = async (cx: Context, prompts: number[][]) => {
    const { used } = device.memory;
    const memory = model.prefill(cx, prompts, null);
    const kept = device.memory.used - used;
    const inputs = Packed.create(cx, prompts.map((prompt) => inputsOf(prompt, response)));
    return { kept, hidden: await model.forward(cx, inputs, memory, null).read() };
  };
  const cx = new Context(device);
  await pass(cx, [long]); // makes the tables of rotary positions
  const [one, other, both] = [await pass(cx, [long]), await pass(cx, [short]), [long, short]];
  // 199 tokens are read, of which 192 are passed; 7 tokens, of which none.
  assert.equal(one.kept, other.kept);
  const tape = new Context(device, { grad: true });
  const whole = await pass(tape, both);
  assert.ok(whole.kept > 4 * one.kept);
  assert.deepEqual(whole.hidden, (await pass(cx, both)).hidden);
  tape.release();
  cx.release();
});

Deno.test("GPT-2: a text of more tokens than there are positions is refused", () =>
  withDevice((device) => {
    const model = tinyDecoder(device, tinyDecoderConfig("gpt2"));
    const cx = new Context(device);
    const long = tokens(1, 131);
    const message =
      "a text has 131 tokens, the model has 130 positions: shorten the prompts or the " +
      "responses";
    const memory = model.prefill(cx, [long], null);
    const inputs = Packed.create(cx, [[long.at(-1)!]]);
    const expected = { name: "UserError", message };
    assert.throws(() => model.forward(cx, inputs, memory, null), expected);
    assert.throws(() => model.encode(cx, Packed.create(cx, [long]), null), expected);
    cx.release();
    return Promise.resolve();
  }));

Deno.test("decoders: linearModules and default targets are PEFT's", () =>
  withDevice((device) => {
    const llama = tinyDecoder(device, tinyDecoderConfig("llama"));
    assert.equal(llama.linearModules.length, 3 * 7);
    const sizes = new Map(llama.linearModules.map((m) => [m.name, [m.inFeatures, m.outFeatures]]));
    assert.deepEqual(sizes.get("model.layers.2.self_attn.q_proj"), [10, 24]);
    assert.deepEqual(sizes.get("model.layers.0.self_attn.v_proj"), [10, 12]);
    assert.deepEqual(sizes.get("model.layers.1.mlp.down_proj"), [13, 10]);
    assert.deepEqual(llama.defaultTargets, ["q_proj", "v_proj"]);
    const gpt2 = tinyDecoder(device, tinyDecoderConfig("gpt2"));
    assert.deepEqual(gpt2.linearModules[0], {
      name: "transformer.h.0.attn.c_attn",
      inFeatures: 12,
      outFeatures: 36,
      tokens: "both",
      fanInFanOut: true,
    });
    assert.deepEqual(gpt2.defaultTargets, ["c_attn"]);
    return Promise.resolve();
  }));
