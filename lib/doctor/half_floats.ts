/** Half-precision arithmetic of an adapter, by the values that it computes. */
export type HalfFloats = "right" | "wrong" | "not offered";

/** Some drivers offer f16 and compute zeros. */
const CODE = `
enable f16;
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> half: array<f16>;
var<workgroup> shared_values: array<f16, 64>;
@compute @workgroup_size(64) fn compute(@builtin(local_invocation_index) i: u32) {
  half[i] = f16(x[i]) * 3.0h + 0.5h;
  shared_values[i] = half[i];
  workgroupBarrier();
  x[i] = f32(shared_values[63u - i] + half[i]);
}`;
const VALUES = 64;

/** Computes with f16 in memory, in a workgroup's memory and in registers, on small whole numbers. */
export async function testHalfFloats(adapter: GPUAdapter): Promise<HalfFloats> {
  if (!adapter.features.has("shader-f16")) return "not offered";
  const gpu = await adapter.requestDevice({ requiredFeatures: ["shader-f16"] });
  try {
    const module = gpu.createShaderModule({ code: CODE });
    const pipeline = await gpu.createComputePipelineAsync({ layout: "auto", compute: { module } });
    const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    const usage = STORAGE | COPY_SRC | COPY_DST;
    const [x, half] = [4, 2].map((bytes) => gpu.createBuffer({ size: bytes * VALUES, usage }));
    const target = gpu.createBuffer({ size: 4 * VALUES, usage: MAP_READ | COPY_DST });
    gpu.queue.writeBuffer(x, 0, Float32Array.from({ length: VALUES }, (_, i) => i));
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      gpu.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [x, half].map((buffer, binding) => ({ binding, resource: { buffer } })),
      }),
    );
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(x, 0, target, 0, 4 * VALUES);
    gpu.queue.submit([encoder.finish()]);
    await target.mapAsync(GPUMapMode.READ);
    // 3 i + 0.5 + 3 (63 - i) + 0.5: exact in f16.
    const right = new Float32Array(target.getMappedRange()).every((value) => value === 190);
    return right ? "right" : "wrong";
  } finally {
    gpu.destroy();
  }
}
