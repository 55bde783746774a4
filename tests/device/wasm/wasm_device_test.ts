import assert from "node:assert/strict";
import { add, fill } from "../../../kernels/elementwise/elementwise.ts";
import { signature } from "../../../lib/device/signature.ts";
import { WasmDevice, type WasmDeviceOptions } from "../../../lib/device/wasm/wasm_device.ts";
import { OutOfMemoryError } from "../../../lib/errors.ts";
import { Adam } from "../../../lib/nn/optimizer.ts";
import { Context } from "../../../lib/tensor/context.ts";
import { Packed } from "../../../lib/tensor/packed.ts";
import { Tensor } from "../../../lib/tensor/tensor.ts";
import { demoPolicy, randomBatch } from "../../rl/demo_policy.ts";

const MIB = 2 ** 20;

async function withWasm(
  options: WasmDeviceOptions,
  body: (device: WasmDevice) => Promise<void>,
): Promise<void> {
  const device = await WasmDevice.create(options);
  try {
    await body(device);
  } finally {
    device.close();
  }
}

/** Whether kernels run: a sum large enough for all threads is right. */
async function assertWorks(device: WasmDevice): Promise<void> {
  const length = 100_000;
  const cx = new Context(device);
  const x = cx.empty([length]);
  const y = cx.empty([length]);
  fill(device, x, length, 3);
  add(device, y, x, x, length);
  assert.ok((await y.read()).every((value) => value === 6));
  cx.release();
}

/** Training steps on the demo's model; what they leave in the parameters, and the memory after each. */
async function train(device: WasmDevice, steps: number) {
  const { model, adapter, parameters } = await demoPolicy(device);
  const optimizer = new Adam(parameters, {});
  const { queries, responses } = randomBatch(6);
  const memory: { used: number; peak: number }[] = [];
  for (let step = 0; step < steps; step++) {
    parameters.zeroGrad();
    const cx = new Context(device, { grad: true, dropoutSeed: step });
    const inputs = Packed.create(cx, responses.map((tokens) => [0, ...tokens.slice(0, -1)]));
    const prompts = model.prefill(cx, queries, adapter, "pass");
    const hidden = model.forward(cx, inputs, prompts, adapter);
    const { logprobs } = model.logprobs(cx, hidden, Packed.create(cx, responses).ids);
    const gradient = cx.from(new Float32Array(logprobs.length).fill(-0.1));
    cx.backward([{ output: logprobs, gradient }]);
    cx.release();
    optimizer.step(1e-3, 1);
    memory.push({ ...device.memory });
  }
  return { memory, values: await parameters.values.read() };
}

Deno.test("WasmDevice: one thread and several give the same bits", async () => {
  const results: Float32Array[] = [];
  for (const threads of [1, 2, 3]) {
    await withWasm({ threads }, async (device) => {
      assert.equal(device.threads, threads);
      results.push((await train(device, 2)).values);
    });
  }
  assert.ok(results[0].every(Number.isFinite));
  assert.deepEqual(results[1], results[0]);
  assert.deepEqual(results[2], results[0]);
});

Deno.test("WasmDevice: training steps after the first take no more memory", () =>
  withWasm({ threads: 2 }, async (device) => {
    const { memory: [first, ...later] } = await train(device, 4);
    for (const use of later) assert.deepEqual(use, first);
  }));

Deno.test("WasmDevice: out of memory says how much there is, and does no harm", () =>
  withWasm({ threads: 1, maxBytes: 16 * MIB }, async (device) => {
    const kept = device.alloc(8 * MIB);
    const before = { ...device.memory };
    assert.throws(() => device.alloc(16 * MIB), (error: Error) => {
      assert.ok(error instanceof OutOfMemoryError);
      assert.equal(
        error.message,
        "out of memory on the WASM device: 26 MiB needed, the limit is 16 MiB",
      );
      assert.ok(error.needed > 25 * MIB && error.needed <= 26 * MIB);
      assert.equal(error.available, 16 * MIB);
      return true;
    });
    assert.deepEqual({ ...device.memory }, before);
    await assertWorks(device);
    device.free(kept);
    device.free(device.alloc(14 * MIB));
    assert.throws(() => device.alloc(2 ** 33), OutOfMemoryError);
  }));

Deno.test("WasmDevice: a training step out of memory leaves nothing behind but the model", () =>
  withWasm({ threads: 1, maxBytes: 10 * MIB }, async (device) => {
    const { model, adapter, parameters } = await demoPolicy(device);
    const { queries } = randomBatch(4);
    const used: number[] = [];
    const step = (repeat: number) => {
      const cx = new Context(device, { grad: true });
      try {
        const prompts = Array.from({ length: repeat }, () => queries).flat();
        const inputs = Packed.create(cx, prompts.map((prompt) => prompt.slice(0, 1)));
        const memory = model.prefill(cx, prompts, adapter, "pass");
        const output = model.forward(cx, inputs, memory, adapter);
        const gradient = cx.empty(output.shape);
        fill(device, gradient, gradient.length, 1e-3);
        cx.backward([{ output, gradient }]);
      } finally {
        cx.release();
        used.push(device.memory.used);
      }
    };
    step(1);
    const refused: number[] = [];
    for (let repeat = 2; repeat < 60; repeat++) {
      try {
        step(repeat);
      } catch (error) {
        assert.ok(error instanceof OutOfMemoryError);
        refused.push(repeat);
      }
    }
    assert.ok(refused.length > 10 && refused[0] > 2, `refused: ${refused}`);
    assert.deepEqual(new Set(used), new Set([used[0]]));
    parameters.zeroGrad();
    step(1);
    assert.ok((await parameters.gradients!.read()).every(Number.isFinite));
  }));

Deno.test("WasmDevice: memory grows in place, what is in it stays", () =>
  withWasm({ threads: 2 }, async (device) => {
    const small = new Tensor(device, device.alloc(16), [4]);
    small.write(Float32Array.of(1, 2, 3, 4));
    const large = new Tensor(device, device.alloc(40 * MIB), [10 * MIB]);
    fill(device, large, large.length, 5);
    const end = await large.slice(0, 1).read();
    assert.equal(end.length, 10 * MIB);
    assert.ok(end.every((value) => value === 5));
    assert.deepEqual([...await small.read()], [1, 2, 3, 4]);
  }));

Deno.test("WasmDevice: works after another was closed, and beside another", async () => {
  const first = await WasmDevice.create({ threads: 2 });
  const second = await WasmDevice.create({ threads: 2 });
  await assertWorks(first);
  await assertWorks(second);
  first.close();
  await assertWorks(second);
  second.close();
  await withWasm({ threads: 2 }, assertWorks);
});

Deno.test("WasmDevice: reads and writes stay inside their buffer", () =>
  withWasm({ threads: 1 }, async (device) => {
    const buffer = device.alloc(100);
    device.write({ buffer, byteOffset: 92 }, new Uint8Array(8).fill(7));
    assert.deepEqual([...await device.read({ buffer, byteOffset: 99 }, 1)], [7]);
    const refused = /8 bytes at 93 of a buffer of 100/;
    assert.throws(() => device.write({ buffer, byteOffset: 93 }, new Uint8Array(8)), refused);
    await assert.rejects(async () => await device.read({ buffer, byteOffset: 93 }, 8), refused);
    await assert.rejects(
      async () => await device.read({ buffer, byteOffset: -4 }, 8),
      /8 bytes at -4 of a buffer of 100/,
    );
  }));

Deno.test("WasmDevice: memory is 256-byte aligned and counted; freeing twice is refused", () =>
  withWasm({ threads: 1 }, (device) => {
    const buffer = device.alloc(1000);
    assert.equal(buffer.byteLength, 1000);
    assert.equal((buffer as unknown as { address: number }).address % 256, 0);
    assert.deepEqual({ ...device.memory }, { used: 1024, peak: 1024 });
    device.free(buffer);
    assert.deepEqual({ ...device.memory }, { used: 0, peak: 1024 });
    assert.throws(() => device.free(buffer), /is not allocated/);
    return Promise.resolve();
  }));

Deno.test("WasmDevice: a kernel that traps is waited for on all threads, and does no harm to the next", () =>
  withWasm({ threads: 3 }, async (device) => {
    const length = 1 << 20;
    const buffer = device.alloc(length * 4);
    for (let round = 0; round < 20; round++) {
      // Behind the end of the memory, as an address that was computed wrongly.
      const wrong = { buffer, byteOffset: 2 ** 31 };
      assert.throws(() => fill(device, wrong, length, 1), {
        name: "Error",
        message: 'kernel "fill" trapped',
      });
      await assertWorks(device);
    }
  }));

Deno.test("WasmDevice: says what it is and can do; an unknown kernel is named", () =>
  withWasm({ threads: 1 }, async (device) => {
    assert.equal(device.kind, "wasm");
    const { maxBindingBytes, stepsPerRead, readsLate } = device;
    assert.deepEqual([maxBindingBytes, stepsPerRead, readsLate], [Infinity, 1, false]);
    assert.equal(device.description, "WebAssembly SIMD, 1 thread");
    const unknown = signature({ name: "no_such", outputs: {} });
    assert.throws(() => device.run(unknown, 1, {}), /no WASM kernel is called "no_such"/);
    await withWasm({ threads: 2 }, (device) => {
      assert.equal(device.description, "WebAssembly SIMD, 2 threads");
      return Promise.resolve();
    });
  }));

Deno.test("WasmDevice: where the system has few addresses, the limit is lower", async () => {
  const { Memory } = WebAssembly;
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      if (descriptor.maximum! > 16384) throw new RangeError("could not allocate memory");
      super(descriptor);
    }
  };
  try {
    const device = await WasmDevice.create({ threads: 1 });
    assert.equal(device.memoryLimit, 2 ** 30);
    device.alloc(1000);
    device.close();
  } finally {
    WebAssembly.Memory = Memory;
  }
});
