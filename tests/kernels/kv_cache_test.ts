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
    const added = { k: cx.from(x.k), v: cx.from(x.v) };
    const [k, v] = cx.emptyTogether([[7, width], [7, width]]);
    k.write(before.k);
    v.write(before.v);
    // In one block and in two.
    for (const cache of [{ k, v }, { k: cx.from(before.k), v: cx.from(before.v) }]) {
      appendToCache(device, cache, added, cx.from(Int32Array.from(rows)), 3, width);
      for (const part of ["k", "v"] as const) {
        const expected = before[part].slice();
        rows.forEach((row, i) =>
          expected.set(x[part].subarray(i * width, (i + 1) * width), row * width)
        );
        assert.deepEqual(await cache[part].read(), expected);
      }
    }
  }
  cx.release();
});

deviceTest("appendToCache: keys and values that are columns of one tensor", async (device) => {
  const cx = new Context(device);
  const [width, stride] = [5, 16];
  const x = randomValues(2 * stride, 1);
  const all = cx.from(x);
  const columns = (first: number) => ({
    buffer: all.buffer,
    byteOffset: all.byteOffset + 4 * first,
  });
  const cache = {
    k: cx.from(new Float32Array(3 * width)),
    v: cx.from(new Float32Array(3 * width)),
  };
  const rows = cx.from(Int32Array.of(2, 0));
  appendToCache(device, cache, { k: columns(4), v: columns(10) }, rows, 2, width, stride);
  for (const [part, first] of [["k", 4], ["v", 10]] as const) {
    const row = (i: number) => x.subarray(i * stride + first, i * stride + first + width);
    assert.deepEqual([...await cache[part].read()], [
      ...row(1),
      ...new Array(width).fill(0),
      ...row(0),
    ]);
  }
  cx.release();
});
