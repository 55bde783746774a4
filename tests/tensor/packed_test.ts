import assert from "node:assert/strict";
import { Context } from "../../lib/tensor/context.ts";
import { Packed } from "../../lib/tensor/packed.ts";
import { withDevice } from "../device.ts";

Deno.test("Packed: tokens one after the other, with starts and lengths", () =>
  withDevice(async (device) => {
    const cx = new Context(device);
    const packed = Packed.create(cx, [[5], [6, 7, 8], [9, 1]]);
    assert.deepEqual([...await packed.ids.readInts()], [5, 6, 7, 8, 9, 1]);
    assert.deepEqual([...await packed.starts.readInts()], [0, 1, 4]);
    assert.deepEqual([...await packed.lengths.readInts()], [1, 3, 2]);
    assert.deepEqual(packed.sequenceLengths, [1, 3, 2]);
    assert.deepEqual([packed.count, packed.total, packed.maxLength], [3, 6, 3]);
    assert.deepEqual([...packed.lastRows], [0, 3, 5]);
    cx.release();
    assert.equal(device.memory.used, 0);
  }));

Deno.test("Packed: empty batches and empty sequences are refused", () =>
  withDevice((device) => {
    const cx = new Context(device);
    assert.throws(() => Packed.create(cx, []), /at least one sequence/);
    assert.throws(() => Packed.create(cx, [[1], []]), /no empty ones/);
    assert.equal(device.memory.used, 0);
    return Promise.resolve();
  }));
