import assert from "node:assert/strict";
import type { Device } from "../../lib/device/device.ts";
import { initLora, LoraAdapter, loraSpecs } from "../../lib/nn/lora.ts";
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

Deno.test("loraSpecs: A and B of each target, in the model's order, with PEFT's shapes", () => {
  assert.deepEqual(loraSpecs(MODULES, lora("k", "q")), [
    { name: "block.0.q.lora_A.weight", shape: [4, 24] },
    { name: "block.0.q.lora_B.weight", shape: [10, 4] },
    { name: "block.0.k.lora_A.weight", shape: [4, 24] },
    { name: "block.0.k.lora_B.weight", shape: [10, 4] },
  ]);
});

Deno.test("loraSpecs: targets are whole names or suffixes after a dot", () => {
  const matched = (target: string) =>
    loraSpecs(MODULES, lora(target)).filter((_, i) => i % 2 === 0).map(({ name }) => name);
  assert.deepEqual(matched("o"), ["block.0.o.lora_A.weight"]); // not wo
  assert.deepEqual(matched("block.0.wo"), ["block.0.wo.lora_A.weight"]);
  assert.deepEqual(matched("0.q"), ["block.0.q.lora_A.weight"]);
  assert.equal(loraSpecs(MODULES, lora("q", "0.q")).length, 2); // named twice, adapted once
});

Deno.test("loraSpecs: an unknown target is refused with the names there are", () => {
  const message = 'target_modules: no linear layer is called "query"; this model has: k, o, q, wo';
  assert.throws(() => loraSpecs(MODULES, lora("q", "query")), { name: "UserError", message });
  assert.throws(() => loraSpecs(MODULES, lora("lock.0.q")), { name: "UserError" });
});

Deno.test("loraSpecs: a pattern matches whole names, as Python's re.fullmatch", () => {
  const matched = (targetModules: string) =>
    loraSpecs(MODULES, { ...lora(), targetModules })
      .filter((_, i) => i % 2 === 0).map(({ name }) => name.replace(".lora_A.weight", ""));
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

Deno.test("loraSpecs: an impossible rank and a lack of targets are refused", () => {
  for (const r of [0, -1, 2.5, NaN]) {
    const message = `the adapter's rank r is ${r}: it must be a whole number from 1`;
    assert.throws(() => loraSpecs(MODULES, { ...lora("q"), r }), { name: "UserError", message });
  }
  assert.throws(() => loraSpecs(MODULES, lora()), /target_modules is empty/);
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
