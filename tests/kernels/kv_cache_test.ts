import assert from "node:assert/strict";
import { appendToCache } from "../../kernels/kv_cache/kv_cache.ts";
import { Context } from "../../lib/tensor/context.ts";
import { deviceTest } from "../device.ts";
import { randomValues } from "../numeric.ts";

deviceTest("appendToCache: writes its rows only", async (device) => {
  const cx = new Context(device);
  for (const width of [1, 3, 130]) {
    const rows = [5, 0, 3];
    const [before, x] = [1, 2].map((seed) => ({
      k: randomValues((seed === 1 ? 7 : 3) * width, seed),
      v: randomValues((seed === 1 ? 7 : 3) * width, seed + 2),
    }));
    const cache = { k: cx.from(before.k), v: cx.from(before.v) };
    const added = { k: cx.from(x.k), v: cx.from(x.v) };
    appendToCache(device, cache, added, cx.from(Int32Array.from(rows)), 3, width);
    for (const part of ["k", "v"] as const) {
      const expected = before[part].slice();
      rows.forEach((row, i) =>
        expected.set(x[part].subarray(i * width, (i + 1) * width), row * width)
      );
      assert.deepEqual(await cache[part].read(), expected);
    }
  }
  cx.release();
});
