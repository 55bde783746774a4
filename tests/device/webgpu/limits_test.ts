import assert from "node:assert/strict";
import {
  bindableBytes,
  limitsOf,
  missingLimits,
  requestedLimits,
  STORAGE_BUFFERS_NEEDED,
} from "../../../lib/device/webgpu/limits.ts";
import { kernelSignatures } from "../../../scripts/kernel_signatures.ts";

/** Limits that WebGPU guarantees, but for some. */
function adapterOf(others: Partial<GPUSupportedLimits> = {}): Pick<GPUAdapter, "limits"> {
  const limits = {
    maxStorageBuffersPerShaderStage: 8,
    maxComputeWorkgroupStorageSize: 16384,
    maxComputeInvocationsPerWorkgroup: 256,
    maxComputeWorkgroupSizeX: 256,
    maxComputeWorkgroupSizeY: 256,
    maxComputeWorkgroupSizeZ: 64,
    maxComputeWorkgroupsPerDimension: 65535,
    maxStorageBufferBindingSize: 134217728,
    maxBufferSize: 268435456,
    ...others,
  };
  return { limits } as Pick<GPUAdapter, "limits">;
}

Deno.test("kernels bind no more storage buffers than WebGPU guarantees", async () => {
  const onGpu = [...(await kernelSignatures()).values()].flat()
    .filter(({ only }) => only !== "wasm");
  const most = Math.max(...onGpu.map(({ bindings }) => bindings.length));
  assert.deepEqual([most, STORAGE_BUFFERS_NEEDED], [8, 8]);
});

Deno.test("missingLimits: WebGPU's guarantees are enough; what is lower is named", () => {
  assert.deepEqual(missingLimits(adapterOf()), []);
  const lower = { maxComputeWorkgroupStorageSize: 8192, maxComputeInvocationsPerWorkgroup: 128 };
  assert.deepEqual(missingLimits(adapterOf(lower)), [
    "maxComputeWorkgroupStorageSize is 8192, 16384 are needed",
    "maxComputeInvocationsPerWorkgroup is 128, 256 are needed",
  ]);
});

Deno.test("requestedLimits: large buffers as they are, the rest as needed, never more than there is", () => {
  const adapter = adapterOf({
    maxStorageBuffersPerShaderStage: 4,
    maxComputeWorkgroupStorageSize: 49152,
    maxBufferSize: 2 ** 36,
  });
  assert.deepEqual(requestedLimits(adapter), {
    ...limitsOf(adapter),
    maxComputeWorkgroupStorageSize: 16384,
  });
});

Deno.test("requestedLimits: numbers that a request may have, also where a driver reports 64 bits", () => {
  const { maxBufferSize } = requestedLimits(adapterOf({ maxBufferSize: 2 ** 64 }));
  assert.equal(maxBufferSize, 2 ** 53 - 1);
});

Deno.test("bindings are of whole words, and below 2 GiB", () => {
  assert.equal(bindableBytes(2 ** 27), 2 ** 27);
  assert.equal(bindableBytes(2 ** 31 - 1), 2 ** 31 - 256);
  assert.equal(bindableBytes(2 ** 32 - 4), 2 ** 31 - 256);
  assert.equal(bindableBytes(2 ** 30 + 4), 2 ** 30);
});
