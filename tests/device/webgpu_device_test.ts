import assert from "node:assert/strict";
import { adam } from "../../kernels/adam/adam.ts";
import { embedding, embeddingBackward } from "../../kernels/embedding/embedding.ts";
import { gradNorm } from "../../kernels/grad_norm/grad_norm.ts";
import { add, fill, scale } from "../../kernels/elementwise/elementwise.ts";
import { matmul } from "../../kernels/matmul/matmul.ts";
import { rmsNorm } from "../../kernels/rms_norm/rms_norm.ts";
import { wgsl } from "../../kernels/wgsl.ts";
import type { GpuDevice, Span } from "../../lib/device/device.ts";
import { openDevice } from "../../lib/device/open.ts";
import { signature } from "../../lib/device/signature.ts";
import type { WebGpuDevice } from "../../lib/device/webgpu/webgpu_device.ts";
import { OutOfMemoryError, UserError } from "../../lib/errors.ts";
import { gpuTest } from "../device.ts";
import { randomValues } from "../numeric.ts";
import { matmulReference } from "../reference/matmul.ts";

function at(device: WebGpuDevice, length: number, byteOffset = 0): Span {
  return { buffer: device.alloc(length * 4 + byteOffset), byteOffset };
}

async function floats(device: WebGpuDevice, span: Span, length: number): Promise<number[]> {
  return [...new Float32Array((await device.read(span, length * 4)).buffer)];
}

/** The device, as if it could bind no more than so much. */
function limited(device: WebGpuDevice, maxBindingBytes: number): GpuDevice {
  const { kind, subgroupSize, usesSubgroups, software, tuning } = device;
  const dispatch = device.dispatch.bind(device);
  return {
    ...{ kind, subgroupSize, usesSubgroups, software, tuning },
    ...{ maxBindingBytes, dispatch },
  } as GpuDevice;
}

gpuTest("says how much it can bind, and that reads are dear", (device) => {
  assert.ok(device.maxBindingBytes >= 1 << 27 && Number.isFinite(device.maxBindingBytes));
  assert.ok([8, 16].includes(device.stepsPerRead));
  assert.equal(device.readsLate, device.stepsPerRead === 16 && !device.software);
  return Promise.resolve();
});

gpuTest("a write of nothing does nothing", async (device) => {
  const x = at(device, 1);
  device.write(x, new Float32Array([5]));
  device.write(x, new Float32Array(0));
  scale(device, x, x, 1, 2);
  device.write(x, new Float32Array(0));
  assert.deepEqual([...await floats(device, x, 1)], [10]);
});

gpuTest("writes and launches happen in their order, whatever the size", async (device) => {
  for (const length of [3, 100_000]) {
    const x = at(device, length);
    const y = at(device, length);
    device.write(x, new Float32Array(length).fill(1));
    scale(device, y, x, length, 2);
    device.write(x, new Float32Array(length).fill(10));
    add(device, y, y, x, length);
    device.write(x, new Float32Array(length).fill(100));
    add(device, y, y, x, length);
    const values = await floats(device, y, length);
    assert.equal(values[0], 112);
    assert.equal(values[length - 1], 112);
  }
});

gpuTest(
  "a block that was freed and handed out again does not disturb earlier launches",
  async (device) => {
    const sum = at(device, 4);
    fill(device, sum, 4, 0);
    for (let i = 1; i <= 700; i++) {
      const x = at(device, 4);
      device.write(x, new Float32Array(4).fill(i));
      add(device, sum, sum, x, 4);
      device.free(x.buffer);
    }
    assert.deepEqual(await floats(device, sum, 4), Array(4).fill(700 * 701 / 2));
  },
);

gpuTest("spans start at any word, also in one block with the output", async (device) => {
  const buffer = device.alloc(64);
  device.write({ buffer, byteOffset: 0 }, Float32Array.from({ length: 16 }, (_, i) => i));
  add(device, { buffer, byteOffset: 36 }, { buffer, byteOffset: 4 }, { buffer, byteOffset: 20 }, 3);
  const values = await floats(device, { buffer, byteOffset: 0 }, 16);
  assert.deepEqual(values.slice(8), [8, 1 + 5, 2 + 6, 3 + 7, 12, 13, 14, 15]);
});

gpuTest("more workgroups than fit in one dimension", async (device) => {
  const length = 65535 * 256 + 300;
  const x = at(device, length);
  fill(device, x, length, 3);
  const end = { buffer: x.buffer, byteOffset: (length - 2) * 4 };
  assert.deepEqual(await floats(device, end, 2), [3, 3]);
});

gpuTest(
  "reads asked for together are submitted together; equal launches upload nothing",
  async (device) => {
    const x = at(device, 4);
    const step = async () => {
      fill(device, x, 4, 1);
      scale(device, x, x, 4, 2);
      const before = { ...device.counters };
      await Promise.all([device.read(x, 16), device.read(x, 8)]);
      return device.counters.submits - before.submits;
    };
    assert.equal(await step(), 1);
    const { parameterBytes, dispatches } = device.counters;
    assert.equal(await step(), 1);
    assert.equal(device.counters.parameterBytes, parameterBytes);
    assert.equal(device.counters.dispatches, dispatches + 2);
  },
);

gpuTest(
  "a product whose weight is too large to bind is done in parts, bit for bit",
  async (device) => {
    const [m, n, k] = [3, 48, 96];
    const a = randomValues(m * k, 1);
    const b = randomValues(k * n, 2);
    const spans = { a: at(device, m * k), b: at(device, k * n), c: at(device, m * n) };
    device.write(spans.a, a);
    device.write(spans.b, b);
    for (const [kStride, nStride] of [[n, 1], [1, k]]) {
      const right = { kind: "strided", span: spans.b, kStride, nStride } as const;
      const product = async (maxBindingBytes: number) => {
        fill(device, spans.c, m * n, NaN);
        matmul(limited(device, maxBindingBytes), { c: spans.c, a: spans.a, b: right, m, n, k });
        return await floats(device, spans.c, m * n);
      };
      const whole = await product(device.maxBindingBytes);
      const { dispatches } = device.counters;
      assert.deepEqual(await product(7000), whole);
      assert.equal(device.counters.dispatches - dispatches, 1 + 3);
      if (nStride === 1) {
        const expected = matmulReference(a, b, m, n, k);
        assert.ok(whole.every((value, i) => Math.abs(value - expected[i]) < 1e-5));
      }
    }
  },
);

gpuTest("ops on packed buffers and tables too large to bind go piece by piece", async (device) => {
  const length = 3 * 16384 + 64;
  const [values, gradients] = [1, 2].map((seed) => randomValues(length, seed));
  const ids = Int32Array.of(0, 700, 5, 341, 2, -1, 700, 767);
  const results = async (gpu: GpuDevice) => {
    const [v, g, m1, m2, norm, workspace, out, dTable] = [
      length,
      length,
      length,
      length,
      1,
      8,
      ids.length * 64,
      768 * 64,
    ].map((count) => at(device, count));
    const idSpan = at(device, ids.length);
    device.write(v, values);
    device.write(g, gradients);
    device.write(idSpan, ids);
    fill(gpu, m1, length, 0.5);
    scale(gpu, m2, g, length, 0);
    add(gpu, m2, m2, m1, length);
    gradNorm(gpu, norm, workspace, g, length);
    const options = { learningRate: 0.1, betas: [0.9, 0.99] as const, eps: 1e-8, step: 3 };
    const buffers = { values: v, gradients: g, firstMoment: m1, secondMoment: m2, gradNorm: norm };
    adam(gpu, buffers, length, { ...options, weightDecay: 0, decoupled: false, maxGradNorm: 1 });
    const shape = { count: ids.length, rows: 768, width: 64 };
    embedding(gpu, out, v, idSpan, shape, { dtype: "f32", accumulate: false });
    fill(gpu, dTable, 768 * 64, 0);
    embeddingBackward(gpu, dTable, out, idSpan, shape);
    return await Promise.all([
      floats(device, v, length),
      floats(device, norm, 1),
      floats(device, out, ids.length * 64),
      floats(device, dTable, 768 * 64),
    ]);
  };
  assert.deepEqual(await results(limited(device, 70_000)), await results(device));
});

gpuTest("a block too large to bind is seen through a window", async (device) => {
  const length = device.maxBindingBytes / 4 + 1024;
  if (length * 4 > device.gpu.limits.maxBufferSize || length > 2 ** 26) return;
  const x = at(device, length);
  const tail = { buffer: x.buffer, byteOffset: (length - 5) * 4 };
  assert.throws(
    () => rmsNorm(device, x, null, x, x, null, { rows: 1, width: 1 }, { eps: 0, weightOffset: 0 }),
    UserError,
  );
  fill(device, x, length, 1);
  fill(device, { ...tail, byteLength: 20 } as Span, 5, 7);
  const before = { buffer: x.buffer, byteOffset: tail.byteOffset - 4 };
  assert.deepEqual(await floats(device, before, 6), [1, 7, 7, 7, 7, 7]);
});

gpuTest("a shader's mistake is reported with its line", async (device) => {
  const broken = wgsl(
    signature({ name: "f", outputs: { x: "f32" }, constants: { SIZE: 3 } }),
    "room/broken.wgsl",
    "// one\n@compute @workgroup_size(1)\nfn f() { let x = nothing; }\n",
  );
  const x = at(device, 1);
  device.dispatch(broken(), 1, { x });
  await assert.rejects(device.read(x, 4), /^Error: room\/broken\.wgsl:3:.*nothing/);
});

gpuTest("more memory than there may be is an OutOfMemoryError", (device) => {
  assert.throws(() => device.alloc(2 ** 45), (error: Error) => {
    assert.ok(error instanceof OutOfMemoryError);
    return /on the GPU: \d+ MiB needed at once, the limit is \d+ MiB$/.test(error.message);
  });
  return Promise.resolve();
});

gpuTest("memory that a command lacks is an OutOfMemoryError, too", async (device) => {
  const x = at(device, 1 << 20);
  const error = new GPUOutOfMemoryError("not enough memory left");
  device.gpu.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error }));
  await assert.rejects(device.read(x, 4), (error: Error) => {
    assert.ok(error instanceof OutOfMemoryError);
    return /^out of memory on the GPU: a command needs more beside the \d+ MiB/.test(error.message);
  });
});

gpuTest("a lost device is one clear line from then on", async (device) => {
  const x = at(device, 4);
  fill(device, x, 4, 1);
  device.gpu.destroy();
  await assert.rejects(device.read(x, 16), (error: Error) => {
    assert.ok(error instanceof UserError);
    return /^the GPU was lost/.test(error.message);
  });
  assert.throws(() => fill(device, x, 4, 1), /the GPU was lost/);
});

gpuTest("memory: freed blocks are used again, double frees are told", (device) => {
  const { used } = device.memory;
  const buffer = device.alloc(1000);
  assert.ok(device.memory.used >= used + 1000);
  device.free(buffer);
  assert.equal(device.memory.used, used);
  assert.throws(() => device.free(buffer), /freed before/);
  return Promise.resolve();
});

gpuTest("TEMPER_NO_SUBGROUPS leaves subgroups out", async ({ subgroupSize }) => {
  const saved = Deno.env.get("TEMPER_NO_SUBGROUPS");
  Deno.env.set("TEMPER_NO_SUBGROUPS", "1");
  try {
    const device = await openDevice({ device: "webgpu" }) as WebGpuDevice;
    assert.equal(device.subgroupSize, null);
    assert.ok(!device.gpu.features.has("subgroups"));
    device.close();
  } finally {
    if (saved === undefined) Deno.env.delete("TEMPER_NO_SUBGROUPS");
    else Deno.env.set("TEMPER_NO_SUBGROUPS", saved);
  }
  if (saved) assert.equal(subgroupSize, null);
});

gpuTest(
  "WebGpuDevice: memory that goes back to the system is not taken from recorded work",
  async (device) => {
    // More than the pool keeps, used by dispatches that nothing has submitted yet.
    const length = 25 << 20;
    const kept = { buffer: device.alloc(1024), byteOffset: 0 };
    const blocks = [1, 2, 3].map(() => ({ buffer: device.alloc(length * 4), byteOffset: 0 }));
    for (const block of blocks) fill(device, block, length, 3);
    add(device, kept, blocks[0], blocks[1], 256);
    for (const { buffer } of blocks) device.free(buffer);
    const values = new Float32Array((await device.read(kept, 1024)).buffer);
    assert.ok(values.every((value) => value === 6));
  },
);
