import assert from "node:assert/strict";
import { appendToCache } from "../../kernels/kv_cache/kv_cache.ts";
import { Context } from "../../lib/tensor/context.ts";
import { deviceTest } from "../device.ts";
import { randomValues } from "../numeric.ts";

deviceTest("appendToCache: writes its rows only", async (device) => {
  const cx = new Context(device);
  for (const width of [1, 3, 130]) {
    const before = randomValues(7 * width, 1);
    const x = randomValues(3 * width, 2);
    const cache = cx.from(before, [7, width]);
    const rows = [5, 0, 3];
    appendToCache(device, cache, cx.from(x), cx.from(Int32Array.from(rows)), 3, width);
    const expected = before.slice();
    rows.forEach((row, i) => expected.set(x.subarray(i * width, (i + 1) * width), row * width));
    assert.deepEqual(await cache.read(), expected);
  }
  cx.release();
});
