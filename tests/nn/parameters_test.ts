import assert from "node:assert/strict";
import { Adam } from "../../lib/nn/optimizer.ts";
import { Parameters } from "../../lib/nn/parameters.ts";
import { Context } from "../../lib/tensor/context.ts";
import { scale } from "../../lib/tensor/ops/elementwise.ts";
import { deviceTest } from "../device.ts";

const specs = [
  { name: "a", shape: [3, 5] },
  { name: "b", shape: [64] },
  { name: "c", shape: [65] },
];

deviceTest(
  "Parameters: packed, aligned, zero at first, written and read by name",
  async (device) => {
    const parameters = Parameters.create(device, specs, { trainable: true });
    assert.deepEqual(parameters.names, ["a", "b", "c"]);
    assert.equal(parameters.count, 15 + 64 + 65);
    assert.equal(parameters.values.length, 64 + 64 + 128);
    assert.deepEqual(await parameters.values.read(), new Float32Array(256));
    assert.deepEqual(await parameters.gradients!.read(), new Float32Array(256));
    assert.deepEqual(parameters.get("c").shape, [65]);
    assert.equal(parameters.get("c").byteOffset, 128 * 4);

    const data = Float32Array.from({ length: 65 }, (_, i) => i + 1);
    parameters.write("c", data);
    const all = await parameters.readAll();
    assert.deepEqual([...all.keys()], ["a", "b", "c"]);
    assert.deepEqual(all.get("a"), { shape: [3, 5], data: new Float32Array(15) });
    assert.deepEqual(all.get("c"), { shape: [65], data });
    assert.deepEqual([...(await parameters.values.read()).subarray(193)], Array(63).fill(0));
    parameters.dispose();
  },
);

deviceTest(
  "Parameters: a backward pass adds to the packed gradients, zeroGrad clears them",
  async (device) => {
    const parameters = Parameters.create(device, specs, { trainable: true });
    for (let pass = 0; pass < 2; pass++) {
      const cx = new Context(device, { grad: true });
      const output = scale(cx, parameters.get("b"), 3);
      cx.backward([{ output, gradient: cx.from(new Float32Array(64).fill(1)) }]);
      cx.release();
    }
    const expected = new Float32Array(256).fill(6, 64, 128);
    assert.deepEqual(await parameters.gradients!.read(), expected);
    parameters.zeroGrad();
    assert.deepEqual(await parameters.gradients!.read(), new Float32Array(256));
    parameters.dispose();
  },
);

deviceTest(
  "Parameters: copyFrom copies values; frozen ones have no gradients; dispose frees",
  async (device) => {
    const before = device.memory.used;
    const policy = Parameters.create(device, specs, { trainable: true });
    const reference = Parameters.create(device, specs, { trainable: false });
    policy.write("b", new Float32Array(64).fill(2));
    reference.copyFrom(policy);
    policy.write("b", new Float32Array(64).fill(9));
    assert.deepEqual((await reference.readAll()).get("b")!.data, new Float32Array(64).fill(2));
    assert.equal(reference.gradients, null);
    assert.equal(reference.get("b").requiresGrad, false);
    policy.dispose();
    reference.dispose();
    assert.equal(device.memory.used, before);
  },
);

deviceTest("Parameters: wrong names, lengths and layouts are named", (device) => {
  const parameters = Parameters.create(device, specs, { trainable: false });
  const other = Parameters.create(device, specs.slice(1), { trainable: false });
  assert.throws(() => parameters.get("d"), /no parameter is called "d"/);
  assert.throws(() => parameters.write("a", new Float32Array(14)), /"a" has 15 elements.*got 14/);
  assert.throws(() => parameters.copyFrom(other), /names or shapes differ/);
  const twice = [specs[0], specs[0]];
  assert.throws(() => Parameters.create(device, twice, { trainable: false }), /called "a"/);
  return Promise.resolve();
});

deviceTest("Parameters: every change of the values has a revision of its own", (device) => {
  const parameters = Parameters.create(device, specs, { trainable: true });
  const other = Parameters.create(device, specs, { trainable: false });
  const optimizer = new Adam(parameters);
  const changes = [
    () => parameters.write("b", new Float32Array(64)),
    () => parameters.copyFrom(other),
    () => optimizer.step(1e-3),
  ];
  for (const change of changes) {
    const { revision } = parameters;
    parameters.zeroGrad();
    assert.equal(parameters.revision, revision);
    change();
    assert.notEqual(parameters.revision, revision);
  }
  return Promise.resolve();
});

deviceTest("Parameters: untouched is what nothing has written or trained", (device) => {
  const untouched = (parameters: Parameters) =>
    parameters.names.filter((name) => parameters.isUntouched(name)).join("");
  const parameters = Parameters.create(device, specs, { trainable: true });
  assert.equal(untouched(parameters), "abc");
  parameters.write("b", new Float32Array(64));
  assert.equal(untouched(parameters), "ac");
  const copy = Parameters.create(device, specs, { trainable: false });
  copy.copyFrom(parameters);
  assert.equal(untouched(copy), "");
  new Adam(parameters).step(1e-3);
  assert.equal(untouched(parameters), "");
  return Promise.resolve();
});
