import assert from "node:assert/strict";
import { autotuneDraws } from "../../kernels/sample/autotune.ts";
import { DRAW_CLASSES, drawsInParts } from "../../kernels/sample/draw_gpu.ts";
import type { GpuDevice } from "../../lib/device/device.ts";
import { gpuTest, withArguments } from "../device.ts";

gpuTest("draws: the faster way is measured for each class of vocabularies", async (device) => {
  const { used } = device.memory;
  const before = device.counters.dispatches;
  // Several workgroups take 0.9 s, one takes 1 s; from the second class on 0.5 s.
  let single = 1;
  let taken = 0;
  const times = {
    take(count: number) {
      taken += count;
      if (taken > 16) single = 0.5;
      return Promise.resolve(Array.from({ length: count }, () => count === 1 ? single : 0.3));
    },
  };
  const best = await autotuneDraws(device, times);
  const [smaller, larger] = DRAW_CLASSES.map(({ name }) => best.get(name));
  assert.deepEqual([smaller, larger], ["several workgroups a row", "one workgroup a row"]);
  assert.equal(device.counters.dispatches - before, taken);
  assert.equal(device.memory.used, used);
  const rounded = { take: (count: number) => Promise.resolve(new Array(count).fill(0)) };
  const several = "several workgroups a row";
  assert.deepEqual([...(await autotuneDraws(device, rounded)).values()], [several, several]);
});

gpuTest("draws: one workgroup a row where several give something else", async (device) => {
  const different = withArguments(device, "parts", { temperature: 0.9 });
  const times = {
    take: (count: number) => Promise.resolve(new Array(count).fill(count === 1 ? 1 : 0.1)),
  };
  const one = "one workgroup a row";
  assert.deepEqual([...(await autotuneDraws(different, times)).values()], [one, one]);
});

Deno.test("draws: several workgroups a row only where the tuning says so", () => {
  const chosen = (tuning: Record<string, string>) => {
    const device = { tuning: new Map(Object.entries(tuning)) };
    return [500, 32_128, 262_144].map((vocabulary) =>
      drawsInParts(device as unknown as GpuDevice, vocabulary)
    );
  };
  assert.deepEqual(chosen({}), [false, false, false]);
  const [smaller, larger] = DRAW_CLASSES.map(({ name }) => name);
  assert.deepEqual(chosen({ [smaller]: "one workgroup a row" }), [false, false, false]);
  assert.deepEqual(chosen({ [larger]: "several workgroups a row" }), [false, false, true]);
});
