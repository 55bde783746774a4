import assert from "node:assert/strict";
import { openDevice } from "../../lib/device/open.ts";
import { findAdapter, isSoftware, requestDevice } from "../../lib/device/webgpu/adapter.ts";
import { limitsOf, STORAGE_BUFFERS_NEEDED } from "../../lib/device/webgpu/limits.ts";
import { UserError } from "../../lib/errors.ts";

Deno.test("openDevice: auto takes a GPU, never a software adapter", async () => {
  const adapter = await findAdapter();
  const device = await openDevice({ threads: 1 });
  assert.equal(device.kind, adapter && !isSoftware(adapter) ? "webgpu" : "wasm");
  device.close();
});

Deno.test("openDevice: by name", async () => {
  const wasm = await openDevice({ device: "wasm", threads: 1 });
  assert.equal(wasm.description, "WebAssembly SIMD, 1 thread");
  wasm.close();
  if (await findAdapter()) {
    const gpu = await openDevice({ device: "webgpu" });
    assert.match(gpu.description, /^WebGPU, ./);
    gpu.close();
  } else {
    await assert.rejects(openDevice({ device: "webgpu" }), /no WebGPU adapter: install/);
  }
});

Deno.test("requestDevice: features that are refused are left out", async () => {
  const adapter = await findAdapter();
  if (!adapter) return;
  const listed = [...adapter.features][0] as GPUFeatureName;
  const gpu = await requestDevice(adapter, [listed, "no-such-feature" as GPUFeatureName]);
  assert.ok(gpu.features.has(listed));
  gpu.destroy();
});

Deno.test("openDevice: an adapter whose limits are too low is named, or passed over", async () => {
  const found = await findAdapter();
  if (!found) return;
  const limits = { ...limitsOf(found), maxStorageBuffersPerShaderStage: 4 };
  const info = { description: "A small GPU", isFallbackAdapter: false };
  const requestAdapter = navigator.gpu.requestAdapter;
  Object.defineProperty(navigator.gpu, "requestAdapter", {
    value: () => Promise.resolve({ limits, info, features: new Set() }),
    configurable: true,
  });
  try {
    await assert.rejects(openDevice({ device: "webgpu" }), (error: Error) => {
      assert.ok(error instanceof UserError);
      return error.message.startsWith(
        "WebGPU, A small GPU cannot run the kernels (maxStorageBuffersPerShaderStage is 4, 8 are " +
          "needed): ",
      );
    });
    const device = await openDevice({ threads: 1 });
    assert.equal(device.kind, "wasm");
    device.close();
  } finally {
    Object.defineProperty(navigator.gpu, "requestAdapter", { value: requestAdapter });
  }
});

Deno.test("requestDevice: no kernel can bind more than WebGPU guarantees", async () => {
  const adapter = await findAdapter();
  if (!adapter) return;
  const gpu = await requestDevice(adapter);
  assert.equal(gpu.limits.maxStorageBuffersPerShaderStage, STORAGE_BUFFERS_NEEDED);
  assert.equal(gpu.limits.maxComputeWorkgroupStorageSize, 16384);
  assert.equal(gpu.limits.maxBufferSize, adapter.limits.maxBufferSize);
  gpu.destroy();
});
