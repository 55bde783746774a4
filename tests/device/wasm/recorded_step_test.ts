import assert from "node:assert/strict";
import { add, scale } from "../../../kernels/elementwise/elementwise.ts";
import { KernelTimes } from "../../../lib/device/profile.ts";
import { WasmDevice } from "../../../lib/device/wasm/wasm_device.ts";
import { Context } from "../../../lib/tensor/context.ts";
import { inSteps } from "../../../lib/tensor/lists.ts";
import type { Tensor } from "../../../lib/tensor/tensor.ts";

const STEPS = 5;
/** Elements of a step: several tasks. */
const WIDTH = 20_000;

/** A loop: sums[i + 1] = sums[i] + 2 · inputs[i]. */
interface Loop {
  cx: Context;
  inputs: Tensor;
  sums: Tensor;
}

async function withLoop(
  threads: number,
  body: (device: WasmDevice, loop: Loop) => Promise<void> | void,
  times?: KernelTimes,
): Promise<void> {
  const device = await WasmDevice.create({ threads, times });
  try {
    const cx = new Context(device);
    const values = Float32Array.from(
      { length: STEPS * WIDTH },
      (_, i) => i % 7 + Math.floor(i / WIDTH),
    );
    const inputs = cx.from(values, [STEPS, WIDTH]);
    const sums = cx.empty([STEPS + 1, WIDTH]);
    sums.slice(0, 1).write(new Float32Array(WIDTH));
    await body(device, { cx, inputs, sums });
    cx.release();
  } finally {
    device.close();
  }
}

/** Launches a step, through memory of its own. */
function launch(device: WasmDevice, { inputs, sums }: Loop, step: number): void {
  const cx = new Context(device);
  const doubled = cx.empty([WIDTH]);
  scale(device, doubled, inputs.slice(step, 1), WIDTH, 2);
  add(device, sums.slice(step + 1, 1), sums.slice(step, 1), doubled, WIDTH);
  cx.release();
}

const stepped = ({ inputs, sums }: Loop) => [inSteps(inputs, STEPS), inSteps(sums, STEPS + 1)];

for (const threads of [1, 2]) {
  Deno.test(`WasmDevice: a recorded step is made again for others, ${threads} threads`, () =>
    withLoop(threads, async (device, loop) => {
      for (let step = 0; step < STEPS; step++) launch(device, loop, step);
      const expected = await loop.sums.read();
      loop.sums.slice(1, STEPS).write(new Float32Array(STEPS * WIDTH));
      launch(device, loop, 0);
      const before = device.memory.used;
      const recorded = device.record(1, stepped(loop), () => launch(device, loop, 1));
      assert.ok(recorded);
      // Others take memory between the steps, and write to it.
      const cx = new Context(device);
      for (let step = 2; step < STEPS; step++) {
        const other = cx.from(new Float32Array(2 * WIDTH).fill(9));
        recorded.repeat(step);
        assert.ok((await other.read()).every((value) => value === 9));
      }
      cx.release();
      assert.deepEqual(await loop.sums.read(), expected);
      recorded.release();
      recorded.release();
      assert.equal(device.memory.used, before);
    }));
}

Deno.test("WasmDevice: a step that copies, keeps memory or frees that of others is not made again", () =>
  withLoop(1, async (device, loop) => {
    const { cx } = loop;
    const old = [cx.empty([4]), cx.empty([4])];
    const steps = [
      () => old[0].write(new Float32Array(4)),
      () => void old[0].read(),
      () => void cx.empty([4]),
      () => cx.free(old[1]),
    ];
    for (const step of steps) {
      const run = () => {
        step();
        launch(device, loop, 0);
      };
      assert.equal(device.record(0, stepped(loop), run), null);
    }
    // The launches themselves were made.
    const [sum] = await loop.sums.slice(1, 1).read();
    assert.equal(sum, 0);
    assert.equal((await loop.sums.slice(1, 1).read())[1], 2);
  }));

Deno.test("WasmDevice: launches that are made again are timed", async () => {
  const times = new KernelTimes();
  await withLoop(1, (device, loop) => {
    const recorded = device.record(0, stepped(loop), () => launch(device, loop, 0));
    for (const step of [1, 2]) recorded!.repeat(step);
    recorded!.release();
  }, times);
  const launches = times.table().map(({ kernel, launches }) => [kernel, launches]);
  assert.deepEqual(launches.sort(), [["add", 3], ["scale", 3]]);
});

Deno.test("WasmDevice: an error in a step that is recorded ends the recording", () =>
  withLoop(1, (device, loop) => {
    const fail = () => {
      throw new Error("no step");
    };
    assert.throws(() => device.record(0, stepped(loop), fail), /no step/);
    const recorded = device.record(0, stepped(loop), () => launch(device, loop, 0));
    assert.ok(recorded);
    recorded.release();
  }));
