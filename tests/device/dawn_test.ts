import assert from "node:assert/strict";
import { fill } from "../../kernels/elementwise/elementwise.ts";
import type { GpuDevice } from "../../lib/device/device.ts";
import { openDevice } from "../../lib/device/open.ts";
import { dawnTest } from "../device.ts";

/** An LCG's steps (Numerical Recipes), as many as take SwiftShader about a second. */
const LONG = `
@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(1) fn advance() {
  var value = x[0];
  for (var i = 0u; i < 100000000u; i++) { value = value * 1664525u + 1013904223u; }
  x[0] = value;
}`;

dawnTest("Dawn: thousands of reads return, each with what was written before", async (device) => {
  const span = { buffer: device.alloc(8), byteOffset: 0 };
  for (let i = 0; i < 3000; i++) {
    device.write(span, Uint32Array.of(i, ~i));
    const [first, second] = new Uint32Array((await device.read(span, 8)).buffer);
    assert.deepEqual([first, second], [i, ~i >>> 0]);
  }
  device.free(span.buffer);
});

dawnTest("Dawn: a read that waits long polls seldom", async ({ gpu }) => {
  const module = gpu.createShaderModule({ code: LONG });
  const pipeline = gpu.createComputePipeline({ layout: "auto", compute: { module } });
  const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const x = gpu.createBuffer({ size: 4, usage: STORAGE | COPY_SRC });
  const target = gpu.createBuffer({ size: 4, usage: MAP_READ | COPY_DST });
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    gpu.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: { buffer: x } }],
    }),
  );
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(x, 0, target, 0, 4);
  gpu.queue.submit([encoder.finish()]);
  const { setImmediate } = globalThis;
  let polls = 0;
  globalThis.setImmediate = ((callback: () => void) => {
    polls++;
    return setImmediate(callback);
  }) as typeof setImmediate;
  const start = performance.now();
  try {
    await target.mapAsync(GPUMapMode.READ);
  } finally {
    globalThis.setImmediate = setImmediate;
  }
  const seconds = (performance.now() - start) / 1000;
  assert.ok(seconds > 0.1, `the work took only ${seconds} s`);
  assert.ok(polls < 60 + 200 * seconds, `${polls} polls in ${seconds} s`);
  x.destroy();
  target.destroy();
});

/** Eight sevens, from a kernel. */
async function sevens(device: GpuDevice): Promise<number[]> {
  const span = { buffer: device.alloc(32), byteOffset: 0 };
  fill(device, span, 8, 7);
  const bytes = await device.read(span, 32);
  device.free(span.buffer);
  return [...new Float32Array(bytes.buffer)];
}

dawnTest("Dawn by name: a device beside another, with kernels compiled ahead", async (first) => {
  assert.deepEqual(await sevens(first), new Array(8).fill(7));
  const kernels = first.launchedKernels().filter(({ label }) => label === "elementwise.fill");
  assert.equal(kernels.length, 1);
  const compiled: string[] = [];
  const device = await openDevice({
    device: "dawn",
    compilation: { compiled: (kernel) => compiled.push(kernel) },
  });
  assert.match(device.description, /^Dawn, .* \(software\)$/);
  assert.ok(device.kind === "webgpu");
  assert.deepEqual([device.stepsPerRead, device.readsLate], [8, false]);
  await device.prepare(kernels);
  assert.deepEqual(await sevens(device), new Array(8).fill(7));
  assert.deepEqual(compiled, ["elementwise.fill"]);
  device.close();
});
