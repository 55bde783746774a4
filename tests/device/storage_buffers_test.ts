import assert from "node:assert/strict";
import { STORAGE_BUFFERS_NEEDED } from "../../lib/device/webgpu/adapter.ts";
import { kernelSignatures } from "../../scripts/kernel_signatures.ts";

Deno.test("STORAGE_BUFFERS_NEEDED: what the kernels bind at most", async () => {
  const onGpu = [...(await kernelSignatures()).values()].flat()
    .filter(({ only }) => only !== "wasm");
  assert.equal(Math.max(...onGpu.map(({ bindings }) => bindings.length)), STORAGE_BUFFERS_NEEDED);
});
