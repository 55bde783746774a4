import assert from "node:assert/strict";
import { inspectMachine } from "../../lib/doctor/machine.ts";

Deno.test("the machine: threads, adapter, caches", async () => {
  const { wasm, adapter, cores, caches } = await inspectMachine();
  assert.deepEqual(wasm, { sharedMemory: true, canWait: true });
  assert.ok(cores >= 1);
  assert.match(caches.temper, /temper$/);
  if (adapter) {
    assert.match(adapter.description, /^WebGPU, ./);
    assert.ok(adapter.limits.maxStorageBuffersPerShaderStage >= 8);
    assert.equal(adapter.subgroupSizes !== null, adapter.features.includes("subgroups"));
  }
});
