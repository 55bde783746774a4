import assert from "node:assert/strict";
import { RelativeBias, relativeBucket } from "../../../lib/models/t5/relative_bias.ts";
import { Context } from "../../../lib/tensor/context.ts";
import { withDevice } from "../../device.ts";
import { relativeBucketReference } from "../../reference/relative_bucket.ts";
import { tinyConfig } from "./tiny_t5.ts";

for (const bidirectional of [true, false]) {
  Deno.test(`relativeBucket: as transformers, ${bidirectional ? "both directions" : "causal"}`, () => {
    for (const [buckets, far] of [[32, 128], [32, 256], [8, 20], [6, 100], [64, 300]]) {
      for (let distance = -600; distance <= 600; distance++) {
        assert.equal(
          relativeBucket(distance, bidirectional, buckets, far),
          relativeBucketReference(distance, bidirectional, buckets, far),
          `distance ${distance} of ${buckets} buckets up to ${far}`,
        );
      }
    }
  });
}

Deno.test("relativeBucket: known values of T5's 32 buckets up to 128", () => {
  const both = [-600, -128, -64, -20, -8, -7, -1, 0, 1, 8, 11, 12, 15, 16, 90, 91, 600];
  assert.deepEqual(
    both.map((distance) => relativeBucket(distance, true, 32, 128)),
    [15, 15, 14, 10, 8, 7, 1, 0, 17, 24, 24, 25, 25, 26, 30, 31, 31],
  );
  const causal = [-600, -128, -113, -112, -64, -17, -16, -15, -1, 0, 1, 600];
  assert.deepEqual(
    causal.map((distance) => relativeBucket(distance, false, 32, 128)),
    [31, 31, 31, 30, 26, 16, 16, 15, 1, 0, 0, 0],
  );
});

/** [buckets, heads] where entry (bucket, head) is 100 head + bucket. */
const WEIGHT = Float32Array.from({ length: 24 }, (_, i) => 100 * (i % 3) + Math.floor(i / 3));

Deno.test("RelativeBias: a table of distances for each head; it grows, and earlier ones stay", () =>
  withDevice(async (device) => {
    const cx = new Context(device);
    const bias = new RelativeBias(tinyConfig("v1.0"), cx.from(WEIGHT, [8, 3]), true);
    const check = async (length: number) => {
      const table = bias.table(cx, length);
      const reach = (table.width - 1) / 2;
      assert.equal(table.rows, 3);
      assert.ok(reach >= length - 1, `reach ${reach} for ${length} tokens`);
      const values = await table.read();
      values.forEach((value, i) => {
        const distance = i % table.width - reach;
        const bucket = relativeBucketReference(distance, true, 8, 20);
        assert.equal(value, 100 * Math.floor(i / table.width) + bucket);
      });
      return { table, values };
    };
    const short = await check(5);
    assert.equal(bias.table(cx, 100), short.table);
    const long = await check(129);
    await check(1000);
    assert.deepEqual(await short.table.read(), short.values);
    assert.deepEqual(await long.table.read(), long.values);
    cx.release();
  }));

Deno.test("RelativeBias: one that trains is computed on the tape", () =>
  withDevice(async (device) => {
    const cx = new Context(device, { grad: true });
    const weight = cx.from(WEIGHT, [8, 3]);
    weight.requiresGrad = true;
    weight.grad = new Context(device).empty([8, 3]);
    cx.zero(weight.grad);
    const table = new RelativeBias(tinyConfig("v1.0"), weight, false).table(cx, 30);
    cx.backward([{ output: table, gradient: cx.from(new Float32Array(table.length).fill(1)) }]);
    const counts = new Array(8).fill(0);
    const reach = (table.width - 1) / 2;
    for (let d = -reach; d <= reach; d++) counts[relativeBucketReference(d, false, 8, 20)]++;
    assert.deepEqual([...await weight.grad.read()], counts.flatMap((n) => [n, n, n]));
    cx.release();
  }));
