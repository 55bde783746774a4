import assert from "node:assert/strict";
import { findAdapter } from "../../../lib/device/webgpu/adapter.ts";
import { measureTick, secondsPerTick } from "../../../lib/device/webgpu/timestamp_period.ts";
import { gpuTest } from "../../device.ts";

Deno.test("a tick is a nanosecond, unless the clock says otherwise", () => {
  assert.equal(secondsPerTick(50e6, 0.05), 1e-9);
  assert.equal(secondsPerTick(46e6, 0.05), 1e-9);
  // AMD's and Intel's GPUs.
  assert.ok(Math.abs(secondsPerTick(5e6, 0.05) - 10e-9) < 1e-15);
  assert.ok(Math.abs(secondsPerTick(600_024, 0.05) - 83.33e-9) < 1e-12);
  assert.equal(secondsPerTick(0, 0.05), 1e-9);
});

gpuTest("the tick of this adapter is measured", async () => {
  const adapter = (await findAdapter())!;
  const gpu = await adapter.requestDevice({ requiredFeatures: ["timestamp-query"] });
  try {
    const tick = await measureTick(gpu);
    // No driver that is known has ticks below a nanosecond, or above those of Intel's.
    assert.ok(tick === 1e-9 || (tick > 2e-9 && tick < 2e-7), `${tick} s`);
  } finally {
    gpu.destroy();
  }
});
