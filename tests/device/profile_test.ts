import assert from "node:assert/strict";
import { add, fill } from "../../kernels/elementwise/elementwise.ts";
import { openDevice } from "../../lib/device/open.ts";
import { KernelTimes, kernelTimes, LaunchTimes } from "../../lib/device/profile.ts";
import { deviceTest } from "../device.ts";

Deno.test("KernelTimes adds up, the most expensive kernel first", () => {
  const times = new KernelTimes();
  times.add("a", 1);
  times.add("b", 2);
  times.add("a", 3);
  assert.deepEqual(times.table(), [
    { kernel: "a", launches: 2, seconds: 4 },
    { kernel: "b", launches: 1, seconds: 2 },
  ]);
  times.clear();
  assert.deepEqual(times.table(), []);
});

Deno.test("LaunchTimes waits for the times of launches, in their order", async () => {
  const times = new LaunchTimes();
  times.add("a", 1);
  const two = times.take(2);
  times.add("a", 2);
  times.add("b", 3);
  assert.deepEqual(await two, [1, 2]);
  assert.deepEqual(await times.take(1), [3]);
});

deviceTest("a device opened with profile measures each launch", async ({ kind }) => {
  kernelTimes.clear();
  const device = await openDevice({ device: kind, threads: 1, profile: true });
  try {
    const length = 100_000;
    const x = { buffer: device.alloc(length * 4), byteOffset: 0 };
    // More launches than one recording of a GPU holds.
    for (let i = 0; i < 300; i++) fill(device, x, length, i);
    add(device, x, x, x, length);
    assert.equal(new Float32Array((await device.read(x, 4)).buffer)[0], 2 * 299);
    const launches = Object.fromEntries(
      kernelTimes.table().map(({ kernel, launches }) => [kernel, launches]),
    );
    assert.deepEqual(
      launches,
      kind === "wasm" ? { fill: 300, add: 1 } : { "elementwise.fill": 300, "elementwise.add": 1 },
    );
    for (const { kernel, seconds } of kernelTimes.table()) {
      assert.ok(seconds > 0 && seconds < 10, `${kernel}: ${seconds} s`);
    }
  } finally {
    device.close();
    kernelTimes.clear();
  }
});
