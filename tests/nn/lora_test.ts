import assert from "node:assert/strict";
import type { Device } from "../../lib/device/device.ts";
import {
  initLora,
  LoraAdapter,
  loraSpecs,
  type NewLoraConfig,
  resolveLora,
} from "../../lib/nn/lora.ts";
import { Parameters } from "../../lib/nn/parameters.ts";
import { Context } from "../../lib/tensor/context.ts";
import { linear } from "../../lib/tensor/ops/linear.ts";
import { withDevice } from "../device.ts";
import { randomValues } from "../numeric.ts";
import { freeze } from "../tensor/freeze.ts";

const MODULES = ["q", "k", "wo", "o"].map((name) => ({
  name: `block.0.${name}`,
  inFeatures: 24,
  outFeatures: 10,
  tokens: "both" as const,
}));

const lora = (...targetModules: string[]) => ({
  r: 4,
  loraAlpha: 8,
  loraDropout: 0,
  targetModules,
});

function create(device: Device, ...targets: string[]): LoraAdapter {
  const config = lora(...targets);
  const specs = loraSpecs(MODULES, config);
  return new LoraAdapter(config, Parameters.create(device, specs, { trainable: true }));
}

/** Names of the layers that a new adapter updates. */
function adapted(config: Partial<NewLoraConfig>, modules = MODULES): string[] {
  const model = { linearModules: modules, defaultTargets: ["q", "k"] };
  const specs = loraSpecs(
    modules,
    resolveLora(model, { ...lora(), targetModules: null, ...config }),
  );
  return specs.filter((_, i) => i % 2 === 0).map(({ name }) => name.replace(".lora_A.weight", ""));
}

Deno.test("loraSpecs: A and B of each target, in the model's order, with PEFT's shapes", () => {
  assert.deepEqual(loraSpecs(MODULES, lora("k", "q")), [
    { name: "block.0.q.lora_A.weight", shape: [4, 24] },
    { name: "block.0.q.lora_B.weight", shape: [10, 4] },
    { name: "block.0.k.lora_A.weight", shape: [4, 24] },
    { name: "block.0.k.lora_B.weight", shape: [10, 4] },
  ]);
});

Deno.test("targets are whole names or ends after a dot; by default the family's", () => {
  assert.deepEqual(adapted({ targetModules: ["o"] }), ["block.0.o"]); // not wo
  assert.deepEqual(adapted({ targetModules: ["block.0.wo"] }), ["block.0.wo"]);
  assert.deepEqual(adapted({ targetModules: ["0.q"] }), ["block.0.q"]);
  assert.deepEqual(adapted({ targetModules: ["q", "0.q"] }), ["block.0.q"]);
  assert.deepEqual(adapted({}), ["block.0.q", "block.0.k"]);
  assert.deepEqual(adapted({ targetModules: undefined }), ["block.0.q", "block.0.k"]);
});

Deno.test("all-linear becomes the names of all linear layers, as PEFT saves it", () => {
  const model = { linearModules: MODULES, defaultTargets: ["q"] };
  for (const word of ["all-linear", "ALL-Linear"]) {
    const { targetModules } = resolveLora(model, { ...lora(), targetModules: word });
    assert.deepEqual(targetModules, ["k", "o", "q", "wo"]);
  }
  const all = ["block.0.q", "block.0.k", "block.0.wo", "block.0.o"];
  assert.deepEqual(adapted({ targetModules: "all-linear" }), all);
  assert.deepEqual(
    adapted({ targetModules: "all-linear", excludeModules: ["wo"] }),
    all.filter((name) => !name.endsWith("wo")),
  );
});

Deno.test("an unknown target is refused with the names there are", () => {
  const message = 'target_modules: no linear layer is called "query"; this model has: k, o, q, wo';
  assert.throws(() => adapted({ targetModules: ["q", "query"] }), { name: "UserError", message });
  assert.throws(() => adapted({ targetModules: ["lock.0.q"] }), { name: "UserError" });
  assert.throws(() => adapted({ targetModules: ["q", "lm_head"] }), {
    name: "UserError",
    message: /target_modules has the output head, "lm_head", which Temper does not adapt; .* wo$/,
  });
  assert.throws(() => adapted({ targetModules: ["model.embed_tokens"] }), /the embedding, "model/);
});

Deno.test("in an adapter's file a target may match nothing, as in PEFT", () => {
  assert.equal(loraSpecs(MODULES, lora("q", "c_attn")).length, 2);
});

Deno.test("a pattern matches whole names, as Python's re.fullmatch", () => {
  const matched = (targetModules: string) => adapted({ targetModules });
  assert.deepEqual(matched(".*\\.(q|k)"), ["block.0.q", "block.0.k"]);
  assert.deepEqual(matched("block.0.o|block.0.q"), ["block.0.q", "block.0.o"]);
  assert.deepEqual(matched(".*(?P<last>o)$"), ["block.0.wo", "block.0.o"]);
  assert.throws(() => matched("q|k"), {
    name: "UserError",
    message: 'target_modules: no linear layer matches the pattern "q|k"; one is called block.0.q',
  });
  assert.throws(() => matched(".*(q"), {
    name: "UserError",
    message: 'target_modules: the pattern ".*(q" cannot be read: Unterminated group',
  });
});

Deno.test("an impossible rank and a lack of targets are refused", () => {
  for (const r of [0, -1, 2.5, NaN]) {
    const message = `the adapter's rank r is ${r}: it must be a whole number from 1`;
    assert.throws(() => adapted({ r }), { name: "UserError", message });
  }
  assert.throws(() => adapted({ rankPattern: { q: 1.5 } }), /rank_pattern: "q" is 1.5: it must be/);
  assert.throws(() => adapted({ targetModules: [] }), /target_modules is empty.*as "k"$/);
});

/** Layers as T5 and Llama call them. */
const NAMED = [
  ...[0, 1, 2].map((i) => `model.layers.${i}.self_attn.q_proj`),
  ...[0, 1].map((i) => `decoder.block.${i}.layer.2.DenseReluDense.wo`),
].map((name) => ({ ...MODULES[0], name }));

Deno.test("layers_to_transform and layers_pattern count blocks as PEFT does", () => {
  const names = (config: Partial<NewLoraConfig>) =>
    adapted({ targetModules: ["q_proj", "wo"], ...config }, NAMED);
  assert.deepEqual(names({ layersToTransform: [0, 2] }), [
    "model.layers.0.self_attn.q_proj",
    "model.layers.2.self_attn.q_proj",
    // Without a pattern the last number counts: PEFT takes T5's sublayers for its blocks.
    "decoder.block.0.layer.2.DenseReluDense.wo",
    "decoder.block.1.layer.2.DenseReluDense.wo",
  ]);
  assert.deepEqual(names({ layersToTransform: 1, layersPattern: ["layers", "block"] }), [
    "model.layers.1.self_attn.q_proj",
    "decoder.block.1.layer.2.DenseReluDense.wo",
  ]);
  assert.deepEqual(names({ layersToTransform: [1], layersPattern: "block" }), [
    "decoder.block.1.layer.2.DenseReluDense.wo",
  ]);
  // A whole name is adapted whatever its block; an empty list means every block.
  const whole = "model.layers.0.self_attn.q_proj";
  assert.deepEqual(
    names({ targetModules: [whole, "wo"], layersToTransform: 1, layersPattern: "block" }),
    [whole, "decoder.block.1.layer.2.DenseReluDense.wo"],
  );
  assert.equal(names({ layersToTransform: [] }).length, 5);
  assert.throws(() => names({ layersToTransform: 7 }), /leave no linear layer of target_modules/);
});

Deno.test("exclude_modules: names, ends of names, or a pattern of whole names", () => {
  const names = (excludeModules: string | string[]) =>
    adapted({ targetModules: "all-linear", excludeModules }, NAMED);
  assert.equal(names(["q_proj"]).length, 2);
  assert.equal(names(["model.layers.0.self_attn.q_proj"]).length, 4);
  assert.equal(names(".*layers\\.[01].*").length, 3);
  assert.equal(names("layers").length, 5);
  assert.throws(() => names("(a+)+"), /exclude_modules: the pattern .* could take minutes/);
});

Deno.test("rank_pattern and alpha_pattern: the first key that matches a name or its end; rsLoRA", () =>
  withDevice((device) => {
    const config = {
      ...lora("q", "k", "wo", "o"),
      rankPattern: { "[qk]": 2, "block.0.k": 3, o: 16 },
      alphaPattern: { "0.(k|wo)": 6, "^block.0.o": 1 },
    };
    const of = (rslora: boolean) => {
      const own = resolveLora(
        { linearModules: MODULES, defaultTargets: [] },
        { ...config, useRslora: rslora },
      );
      const parameters = Parameters.create(device, loraSpecs(MODULES, own), { trainable: false });
      const adapter = new LoraAdapter(own, parameters);
      assert.equal(adapter.maxRank, 16);
      return ["q", "k", "wo", "o"].map((part) => {
        const { a, b, scale } = adapter.weights(`block.0.${part}`)!;
        assert.equal(a.rows, b.width);
        return [a.rows, scale];
      });
    };
    assert.deepEqual(of(false), [[2, 4], [2, 3], [4, 1.5], [16, 1 / 16]]);
    assert.deepEqual(of(true), [[2, 8 / Math.SQRT2], [2, 6 / Math.SQRT2], [4, 3], [16, 1 / 4]]);
    return Promise.resolve();
  }));

Deno.test("a pattern of a new adapter that matches none of its layers is refused", () => {
  const message = 'rank_pattern: "wi" matches no layer that is adapted; these are: k, q';
  assert.throws(() => adapted({ rankPattern: { q: 2, wi: 3 } }), { name: "UserError", message });
  // The layer is there, but not adapted.
  assert.throws(() => adapted({ alphaPattern: { wo: 2 } }), /alpha_pattern: "wo" matches no layer/);
  assert.throws(() => adapted({ alphaPattern: { lock: 2 } }), /alpha_pattern: "lock" matches no/);
});

Deno.test("initLora: A uniform in ±1/√in, B zero, by the seed", () =>
  withDevice(async (device) => {
    const specs = loraSpecs(
      [{ name: "m.q", inFeatures: 400, outFeatures: 50, tokens: "both" }],
      { ...lora("q"), r: 32 },
    );
    const init = async (seed: number) => {
      const parameters = Parameters.create(device, specs, { trainable: false });
      initLora(parameters, seed);
      return [...(await parameters.readAll()).values()].map(({ data }) => data);
    };
    const [a, b] = await init(1);
    assert.ok(b.every((value) => value === 0));
    assert.ok(a.every((value) => Math.abs(value) <= 1 / 20));
    const mean = a.reduce((sum, x) => sum + x) / a.length;
    const variance = a.reduce((sum, x) => sum + x * x, 0) / a.length;
    assert.ok(Math.abs(mean) < 0.001, `mean ${mean}`);
    assert.ok(Math.abs(variance * 400 * 3 - 1) < 0.03, `variance ${variance}, 1/1200 expected`);
    assert.deepEqual(await init(1), [a, b]);
    assert.notDeepEqual(await init(2), [a, b]);
  }));

Deno.test("LoraAdapter: weights of the layers that it has, scaled by alpha / r", () =>
  withDevice((device) => {
    const adapter = create(device, "q");
    const { a, b, scale, dropout } = adapter.weights("block.0.q")!;
    assert.deepEqual([a.shape, b.shape, scale, dropout], [[4, 24], [10, 4], 2, 0]);
    assert.equal(adapter.weights("block.0.k"), null);
    return Promise.resolve();
  }));

Deno.test("LoraAdapter: a new one changes nothing, until a lora_B is written", () =>
  withDevice((device) => {
    const adapter = create(device, "q");
    initLora(adapter.parameters, 1);
    assert.ok(adapter.changesNothing);
    const name = "block.0.q.lora_B.weight";
    adapter.parameters.write(name, new Float32Array(adapter.parameters.get(name).length));
    assert.ok(!adapter.changesNothing);
    return Promise.resolve();
  }));

Deno.test("adapters of one base do not influence each other, nor the base", () =>
  withDevice(async (device) => {
    const base = freeze(device, randomValues(240, 1), 10, 24, "f32");
    const x = randomValues(3 * 24, 2);
    const [first, second] = [create(device, "q"), create(device, "q")];
    const run = async (adapter: LoraAdapter | null) => {
      const cx = new Context(device);
      const weights = adapter?.weights("block.0.q");
      const y = await linear(cx, cx.from(x, [3, 24]), base, { lora: weights }).read();
      cx.release();
      return y;
    };
    const train = (adapter: LoraAdapter, seed: number) => {
      for (const name of adapter.parameters.names) {
        adapter.parameters.write(name, randomValues(adapter.parameters.get(name).length, seed));
      }
    };
    initLora(first.parameters, 1);
    const plain = await run(null);
    assert.deepEqual(await run(first), plain); // B is zero
    train(first, 3);
    const changed = await run(first);
    assert.notDeepEqual(changed, plain);
    train(second, 4);
    assert.notDeepEqual(await run(second), changed);
    assert.deepEqual(await run(first), changed);
    assert.deepEqual(await run(null), plain);

    // A backward pass through one leaves the other's gradients alone.
    const cx = new Context(device, { grad: true });
    const lora = first.weights("block.0.q");
    const output = linear(cx, cx.from(x, [3, 24]), base, { lora });
    cx.backward([{ output, gradient: cx.from(randomValues(30, 5), [3, 10]) }]);
    cx.release();
    assert.ok((await first.parameters.gradients!.read()).some((value) => value !== 0));
    assert.ok((await second.parameters.gradients!.read()).every((value) => value === 0));
  }));
