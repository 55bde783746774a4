/**
 * Run in a process of its own before unawaited reads are relied on, since a mistake would end the
 * process. Reads the results of work that takes a while, by {@linkcode ReadbackPool}, and compares every
 * value. Prints "reading" when it begins, then "ok" or what is wrong.
 *
 * deno run lib/device/webgpu/readback_self_test.ts
 */
import { findAdapter } from "./adapter.ts";
import { ReadbackPool } from "./readback_pool.ts";

const VALUES = 4096;
/** Iterations of a dispatch; llvmpipe ends loops after 65535. */
const ITERATIONS = 2000;
/** Work before a read takes at least so long, in milliseconds, in so many dispatches at most. */
const WORK_MS = 20;
const MAX_DISPATCHES = 4096;
/** Reads of a lot of work, and of very little. */
const READS = { long: 20, short: 200 };

/** A step of a generator of random numbers (Numerical Recipes), often: an early read shows. */
const CODE = `
@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(64) fn advance(@builtin(global_invocation_id) id: vec3u) {
  var value = x[id.x];
  for (var i = 0u; i < ${ITERATIONS}u; i++) { value = value * 1664525u + 1013904223u; }
  x[id.x] = value;
}`;

/** Factor and summand of all iterations of a dispatch together. */
function step(): [factor: number, summand: number] {
  let [factor, summand] = [1, 0];
  for (let i = 0; i < ITERATIONS; i++) {
    factor = Math.imul(factor, 1664525);
    summand = Math.imul(summand, 1664525) + 1013904223 | 0;
  }
  return [factor, summand];
}

const adapter = await findAdapter();
if (!adapter) throw new Error("there is no adapter");
const gpu = await adapter.requestDevice();
const module = gpu.createShaderModule({ code: CODE });
const pipeline = gpu.createComputePipeline({ layout: "auto", compute: { module } });
const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
const buffer = gpu.createBuffer({ size: VALUES * 4, usage: STORAGE | COPY_SRC | COPY_DST });
const layout = pipeline.getBindGroupLayout(0);
const group = gpu.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer } }] });
const pool = new ReadbackPool(gpu, true);
const values = Int32Array.from({ length: VALUES }, (_, i) => i);
gpu.queue.writeBuffer(buffer, 0, values);
const [factor, summand] = step();

/** Runs some dispatches and reads their result. Returns the milliseconds of that. */
async function read(dispatches: number): Promise<number> {
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  for (let i = 0; i < dispatches; i++) pass.dispatchWorkgroups(VALUES / 64);
  pass.end();
  const target = pool.take(VALUES * 4);
  encoder.copyBufferToBuffer(buffer, 0, target, 0, VALUES * 4);
  const start = performance.now();
  gpu.queue.submit([encoder.finish()]);
  const actual = new Int32Array((await pool.read(target, VALUES * 4)).buffer);
  const milliseconds = performance.now() - start;
  for (let i = 0; i < VALUES; i++) {
    for (let n = 0; n < dispatches; n++) values[i] = Math.imul(values[i], factor) + summand;
    if (actual[i] !== values[i]) throw new Error("a read came too early");
  }
  return milliseconds;
}

console.log("reading");
await read(1);
let dispatches = 1;
while (await read(dispatches) < WORK_MS && dispatches < MAX_DISPATCHES) dispatches *= 2;
for (let i = 0; i < READS.long; i++) await read(dispatches);
for (let i = 0; i < READS.short; i++) await read(1);
console.log("ok");
