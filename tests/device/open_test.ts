import assert from "node:assert/strict";
import { openDevice } from "../../lib/device/open.ts";
import {
  bindableBytes,
  findAdapter,
  isSoftware,
  requestDevice,
} from "../../lib/device/webgpu/adapter.ts";

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

Deno.test("bindings are of whole words, and below 2 GiB", () => {
  assert.equal(bindableBytes(2 ** 27), 2 ** 27);
  assert.equal(bindableBytes(2 ** 31 - 1), 2 ** 31 - 256);
  assert.equal(bindableBytes(2 ** 32 - 4), 2 ** 31 - 256);
  assert.equal(bindableBytes(2 ** 30 + 4), 2 ** 30);
});
