import assert from "node:assert/strict";
import { TrialMemory } from "../../kernels/trial_memory.ts";
import { gpuTest } from "../device.ts";

gpuTest("memory of a trial has what was uploaded, and is given back", async (device) => {
  const { used } = device.memory;
  {
    using memory = new TrialMemory(device);
    const values = memory.upload(Float32Array.of(1, -2, 3));
    memory.reserve(1000);
    const bytes = await device.read(values, 12);
    assert.deepEqual([...new Float32Array(bytes.slice().buffer)], [1, -2, 3]);
    assert.ok(device.memory.used > used);
  }
  assert.equal(device.memory.used, used);
});
