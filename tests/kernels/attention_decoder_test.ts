/** Attention as decoder-only models need it: fewer key heads, prefixes of their own, windows. */
import assert from "node:assert/strict";
import type { Device } from "../../lib/device/device.ts";
import { WasmDevice } from "../../lib/device/wasm/wasm_device.ts";
import { Context } from "../../lib/tensor/context.ts";
import { attention } from "../../lib/tensor/ops/attention.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { deviceTest } from "../device.ts";
import { randomValues, relativeNorm } from "../numeric.ts";
import {
  attentionBackwardReference,
  type AttentionCase,
  attentionReference,
} from "../reference/attention.ts";
import { assertClose, build, f32, makeCase, rows, type Sizes } from "./attention_case.ts";

const CASES: Record<string, Sizes> = {
  "two query heads for a key head": {
    ...{ qLengths: [37, 1, 5], kLengths: [37, 1, 5], causal: true },
    ...{ heads: 4, keyHeads: 2, headSize: 16 },
  },
  "three query heads for a key head, with bias, more queries than keys": {
    ...{ qLengths: [20, 3], kLengths: [17, 50], causal: true, bias: true },
    ...{ heads: 9, keyHeads: 3, headSize: 8, scale: 0.4 },
  },
  "four query heads for the only key head, odd head size": {
    ...{ qLengths: [19, 7], kLengths: [19, 30], causal: true },
    ...{ heads: 4, keyHeads: 1, headSize: 13 },
  },
  "fifty query heads for a key head": {
    ...{ qLengths: [3], kLengths: [20], causal: true, heads: 50, keyHeads: 1, headSize: 8 },
  },
  "prefixes, one of them empty": {
    ...{ qLengths: [4, 12, 1], kLengths: [4, 12, 1], causal: true },
    ...{ heads: 2, headSize: 32, scale: 0.2 },
    prefixes: { lengths: [33, 0, 7], of: [0, 1, 2] },
  },
  "shared prefixes, fewer key heads": {
    ...{ qLengths: [9, 1, 20, 6, 17], kLengths: [9, 1, 20, 6, 17], causal: true },
    ...{ heads: 6, keyHeads: 2, headSize: 64, scale: 0.125 },
    prefixes: { lengths: [21, 50], of: [0, 1, 0, 0, 1] },
  },
  "a shared prefix and no keys of their own": {
    ...{ qLengths: [5, 60, 1], kLengths: [0, 0, 0], heads: 3, headSize: 20 },
    prefixes: { lengths: [18], of: [0, 0, 0] },
  },
  "a prefix, some sequences without keys of their own": {
    ...{
      qLengths: [6, 2, 3],
      kLengths: [0, 11, 3],
      heads: 2,
      keyHeads: 1,
      headSize: 8,
    },
    prefixes: { lengths: [4, 40], of: [0, 1, 0] },
  },
  "a window": {
    ...{ qLengths: [70, 3], kLengths: [70, 80], causal: true, window: 11 },
    ...{ heads: 2, headSize: 16 },
  },
  "a window of a single key": {
    ...{ qLengths: [40], kLengths: [40], causal: true, window: 1, heads: 1, headSize: 8 },
  },
  "a window over shared prefixes, fewer key heads": {
    ...{ qLengths: [50, 1, 8], kLengths: [50, 1, 8], causal: true, window: 34 },
    ...{ heads: 4, keyHeads: 1, headSize: 24, scale: 0.3 },
    prefixes: { lengths: [77, 3], of: [0, 0, 1] },
  },
  "a window that ends before the keys of their own": {
    ...{ qLengths: [3, 1], kLengths: [90, 75], causal: true, window: 20 },
    ...{ heads: 2, keyHeads: 1, headSize: 40, scale: 0.2 },
    prefixes: { lengths: [64, 5], of: [0, 1] },
  },
  "one query": {
    ...{ qLengths: [1, 1, 1], kLengths: [1, 40, 3], causal: true },
    ...{ heads: 8, keyHeads: 2, headSize: 80, scale: 0.1 },
    prefixes: { lengths: [100, 9], of: [0, 1, 0] },
  },
  "a head of 256 columns": {
    ...{ qLengths: [18, 1], kLengths: [18, 1], causal: true, window: 30 },
    ...{ heads: 4, keyHeads: 1, headSize: 256, scale: 1 / 16 },
    prefixes: { lengths: [45], of: [0, 0] },
  },
};

for (const [name, sizes] of Object.entries(CASES)) {
  deviceTest(`attention, ${name}: forward and backward agree with f64`, async (device) => {
    const c = makeCase(sizes);
    const cx = new Context(device, { grad: true });
    const { q, k, v, bias, prefix, o } = build(cx, c);
    assertClose(await o.read(), attentionReference(c).o, "o");
    const dOut = randomValues(c.q.length, 5);
    const expected = attentionBackwardReference(c, dOut);
    const inputs: [string, Tensor, Float64Array][] = [["dq", q, expected.dq]];
    if (k.rows > 0) inputs.push(["dk", k, expected.dk], ["dv", v, expected.dv]);
    if (bias) inputs.push(["dBias", bias, expected.dBias]);
    if (prefix) {
      inputs.push(["prefix dk", prefix.k, expected.dPrefixK]);
      inputs.push(["prefix dv", prefix.v, expected.dPrefixV]);
    }
    // What is there already is added to, in all but q.
    const before = inputs.map(([, input], i) => randomValues(input.length, 20 + i));
    inputs.slice(1).forEach(([, input], i) => input.grad = cx.from(before[i + 1], input.shape));
    before[0].fill(0);
    cx.backward([{ output: o, gradient: cx.from(dOut, o.shape) }]);
    for (const [i, [label, input, gradient]] of inputs.entries()) {
      assertClose(await input.grad!.read(), gradient.map((x, j) => x + before[i][j]), label);
    }
    cx.release();
  });
}

/** Results of a case, and of its sequences and queries alone. */
async function outputs(device: Device, c: AttentionCase): Promise<Float32Array> {
  const cx = new Context(device);
  const o = await build(cx, c).o.read();
  cx.release();
  return o;
}

/** Rows `start` … of some rows of `width`. */
function rowsOf(x: ArrayLike<number>, width: number, start: number, count: number): number[] {
  return Array.from(x).slice(start * width, (start + count) * width);
}

/** Queries `first` … `first + count` of a sequence of a causal case, as a case of their own. */
function alone(c: AttentionCase, s: number, first: number, count: number): AttentionCase {
  const width = c.heads * c.headSize;
  const keyWidth = c.keyHeads! * c.headSize;
  // The keys after the last query are left out: a cache does not have them yet.
  const kLength = c.kLengths[s] - (c.qLengths[s] - first - count);
  return {
    ...c,
    q: rowsOf(c.q, width, c.qStarts[s] + first, count),
    k: rowsOf(c.k, keyWidth, c.kStarts[s], kLength),
    v: rowsOf(c.v, keyWidth, c.kStarts[s], kLength),
    qStarts: [0],
    qLengths: [count],
    kStarts: [0],
    kLengths: [kLength],
    prefix: c.prefix && {
      ...c.prefix,
      starts: [c.prefix.starts[s]],
      lengths: [c.prefix.lengths[s]],
    },
  };
}

const EXACT: Record<string, Sizes> = {
  "three query heads for a key head": {
    ...{ qLengths: [9, 38, 1], kLengths: [9, 38, 1], causal: true, scale: 0.125 },
    ...{ heads: 6, keyHeads: 2, headSize: 64 },
    prefixes: { lengths: [50, 19], of: [0, 1, 0] },
  },
  "seven query heads for a key head": {
    ...{ qLengths: [20, 11], kLengths: [20, 11], causal: true, scale: 0.3 },
    ...{ heads: 7, keyHeads: 1, headSize: 22 },
    prefixes: { lengths: [35], of: [0, 0] },
  },
  "a window": {
    ...{ qLengths: [40, 26], kLengths: [40, 26], causal: true, window: 21 },
    ...{ heads: 4, keyHeads: 2, headSize: 12 },
    prefixes: { lengths: [90, 3], of: [0, 1] },
  },
};

for (const [name, sizes] of Object.entries(EXACT)) {
  deviceTest(
    `attention, ${name}: a query alone, some queries and all are the same bits`,
    async (device) => {
      const c = makeCase(sizes);
      const full = await outputs(device, c);
      const width = c.heads * c.headSize;
      for (let s = 0; s < c.qLengths.length; s++) {
        const parts = Array.from({ length: c.qLengths[s] }, (_, i) => [i, 1]);
        if (c.qLengths[s] > 5) parts.push([2, 3], [c.qLengths[s] - 5, 5]);
        for (const [first, count] of parts) {
          const o = await outputs(device, alone(c, s, first, count));
          assert.deepEqual(
            Array.from(o),
            rowsOf(full, width, c.qStarts[s] + first, count),
            `sequence ${s}, ${count} queries from ${first}`,
          );
        }
      }
    },
  );

  deviceTest(`attention, ${name}: the same bits wherever the prefix ends`, async (device) => {
    const c = alone(makeCase(sizes), 0, 0, sizes.qLengths[0]);
    const expected = Array.from(await outputs(device, c));
    const keyWidth = c.keyHeads! * c.headSize;
    const before = c.prefix!.lengths[0];
    const [k, v] = (["k", "v"] as const).map((name) => [
      ...rowsOf(c.prefix![name], keyWidth, c.prefix!.starts[0], before),
      ...c[name] as number[],
    ]);
    const keys = before + c.kLengths[0];
    for (const split of [0, 1, 16, 31, before - 1, before + 5, keys - 1, keys]) {
      const part = (x: number[], begin: number, end: number) =>
        rowsOf(x, keyWidth, begin, end - begin);
      const o = await outputs(device, {
        ...c,
        k: part(k, split, keys),
        v: part(v, split, keys),
        kLengths: [keys - split],
        prefix: split === 0 ? null : {
          k: part(k, 0, split),
          v: part(v, 0, split),
          starts: [0],
          lengths: [split],
        },
      });
      assert.deepEqual(Array.from(o), expected, `prefix of ${split} of ${keys}`);
    }
  });
}

/** New tokens, one of each sequence, whose prefixes the sequences share. */
const TOGETHER: Record<string, Omit<Sizes, "qLengths">> = {
  "eight responses to a prompt": {
    ...{ heads: 9, keyHeads: 3, headSize: 64, scale: 0.125 },
    kLengths: new Array(8).fill(13),
    prefixes: { lengths: [53], of: new Array(8).fill(0) },
  },
  "two prompts, and responses of other lengths": {
    ...{ heads: 6, keyHeads: 2, headSize: 22 },
    kLengths: [5, 5, 9, 9, 9, 9, 17, 17, 0, 0],
    prefixes: { lengths: [21, 34], of: [0, 0, 0, 0, 1, 1, 1, 1, 1, 1] },
  },
  "as many key heads, more responses than are taken together": {
    ...{ heads: 2, headSize: 12 },
    kLengths: new Array(130).fill(3),
    prefixes: { lengths: [7], of: new Array(130).fill(0) },
  },
  "a window": {
    ...{ heads: 4, keyHeads: 2, headSize: 16, window: 37 },
    kLengths: [9, 9, 9, 9, 9, 9, 70, 70],
    prefixes: { lengths: [101], of: new Array(8).fill(0) },
  },
};

for (const [name, { kLengths, ...sizes }] of Object.entries(TOGETHER)) {
  deviceTest(
    `attention, ${name}: new tokens together and alone are the same bits`,
    async (device) => {
      const qLengths = kLengths.map(() => 1);
      const c = makeCase({ ...sizes, qLengths, kLengths, causal: true });
      const together = await outputs(device, c);
      const width = c.heads * c.headSize;
      for (let s = 0; s < kLengths.length; s++) {
        const single = await outputs(device, alone(c, s, 0, 1));
        assert.deepEqual(rowsOf(together, width, s, 1), Array.from(single), `sequence ${s}`);
      }
    },
  );
}

deviceTest(
  "attention, a window: without the keys that no query sees, the same bits",
  async (device) => {
    const c = makeCase({
      ...{ qLengths: [5], kLengths: [37], causal: true, window: 40, scale: 0.3 },
      ...{ heads: 6, keyHeads: 2, headSize: 20 },
      prefixes: { lengths: [131], of: [0] },
    });
    const expected = await outputs(device, c);
    // The first query sees the keys from 124 on.
    for (const dropped of [32, 64, 96]) {
      const { prefix } = c;
      const shorter = { ...prefix!, starts: [dropped], lengths: [131 - dropped] };
      assert.deepEqual(await outputs(device, { ...c, prefix: shorter }), expected, `${dropped}`);
    }
  },
);

deviceTest(
  "attention: the same bits in any batch, and with any number of threads",
  async (device) => {
    const c = makeCase({
      ...{ qLengths: [33, 2, 60, 7], kLengths: [33, 2, 60, 7], causal: true, window: 50 },
      ...{ heads: 6, keyHeads: 3, headSize: 32, scale: 0.2 },
      prefixes: { lengths: [70, 20], of: [0, 1, 0, 0] },
    });
    const width = c.heads * c.headSize;
    const pass = async (device: Device, c: AttentionCase) => {
      const cx = new Context(device, { grad: true });
      const { q, k, v, prefix, o } = build(cx, c);
      const dOut = Float32Array.from(rowsOf(randomValues(102 * width, 5), width, 0, q.rows));
      const results = [await o.read()];
      cx.backward([{ output: o, gradient: cx.from(dOut, o.shape) }]);
      for (const x of [q, k, v, prefix!.k, prefix!.v]) results.push(await x.grad!.read());
      cx.release();
      return results;
    };
    const results = await pass(device, c);
    assert.deepEqual(await pass(device, c), results);
    if (device.kind === "wasm") {
      const single = await WasmDevice.create({ threads: 1 });
      assert.deepEqual(await pass(single, c), results);
      single.close();
    }
    for (let s = 0; s < 4; s++) {
      const o = await outputs(device, alone(c, s, 0, c.qLengths[s]));
      assert.deepEqual(Array.from(o), rowsOf(results[0], width, c.qStarts[s], c.qLengths[s]));
    }
  },
);

deviceTest("attention: a shared prefix's gradient is the sum of separate ones", async (device) => {
  const c = makeCase({
    ...{ qLengths: [12, 30, 5], kLengths: [12, 30, 5], causal: true, scale: 0.2 },
    ...{ heads: 4, keyHeads: 2, headSize: 24 },
    prefixes: { lengths: [40], of: [0, 0, 0] },
  });
  const dOut = randomValues(c.q.length, 5);
  const gradients = async (c: AttentionCase) => {
    const cx = new Context(device, { grad: true });
    const { q, k, v, prefix, o } = build(cx, c);
    cx.backward([{ output: o, gradient: cx.from(dOut, o.shape) }]);
    const read = (x: Tensor) => x.grad!.read();
    const [dq, dk, dv, pk, pv] = await Promise.all([q, k, v, prefix!.k, prefix!.v].map(read));
    cx.release();
    return { own: [dq, dk, dv], prefix: [pk, pv] };
  };
  const shared = await gradients(c);
  const { k, v } = c.prefix!;
  const copied = (x: ArrayLike<number>) => [0, 0, 0].flatMap(() => Array.from(x));
  const prefix = { k: copied(k), v: copied(v), starts: [0, 40, 80], lengths: [40, 40, 40] };
  const separate = await gradients({ ...c, prefix });
  assert.deepEqual(shared.own, separate.own);
  separate.prefix.forEach((three, i) => {
    const sum = Array.from(k, (_, j) => three[j] + three[j + k.length] + three[j + 2 * k.length]);
    assert.ok(relativeNorm(shared.prefix[i], sum) < 1e-6);
  });
});

deviceTest("attention: columns of one tensor for queries, keys and values", async (device) => {
  const c = makeCase({
    ...{ qLengths: [7, 20], kLengths: [7, 20], causal: true, heads: 4, keyHeads: 2, headSize: 12 },
    prefixes: { lengths: [9], of: [0, 0] },
  });
  const cx = new Context(device, { grad: true });
  const [width, keyWidth] = [48, 24];
  /** q, k and v side by side. */
  const fuse = (q: ArrayLike<number>, k: ArrayLike<number>, v: ArrayLike<number>) =>
    Array.from({ length: k.length / keyWidth }, (_, row) => [
      ...rowsOf(q, width, row, 1),
      ...rowsOf(k, keyWidth, row, 1),
      ...rowsOf(v, keyWidth, row, 1),
    ]).flat();
  const own = f32(cx, fuse(c.q, c.k, c.v), 96);
  const { prefix } = c;
  const before = f32(cx, fuse(new Float64Array(9 * width), prefix!.k, prefix!.v), 96);
  const columns = (tensor: Tensor) => ({
    q: { tensor, first: 0, count: width },
    k: { tensor, first: width, count: keyWidth },
    v: { tensor, first: width + keyWidth, count: keyWidth },
  });
  const { q, k, v } = columns(own);
  const o = attention(cx, q, k, v, {
    ...{ heads: 4, keyHeads: 2, scale: c.scale, causal: true, bias: null },
    queries: rows(cx, c.qStarts, c.qLengths),
    keys: rows(cx, c.kStarts, c.kLengths),
    prefix: {
      ...columns(before),
      rows: rows(cx, prefix!.starts, prefix!.lengths),
      sharing: {
        order: cx.from(Int32Array.of(0, 1)),
        starts: cx.from(Int32Array.of(0, 2)),
      },
    },
  });
  assertClose(await o.read(), attentionReference(c).o, "o");
  const dOut = randomValues(c.q.length, 5);
  cx.backward([{ output: o, gradient: cx.from(dOut, o.shape) }]);
  const expected = attentionBackwardReference(c, dOut);
  const { dq, dk, dv, dPrefixK, dPrefixV } = expected;
  assertClose(await own.grad!.read(), Float64Array.from(fuse(dq, dk, dv)), "own");
  const none = new Float64Array(9 * width);
  assertClose(
    await before.grad!.read(),
    Float64Array.from(fuse(none, dPrefixK, dPrefixV)),
    "before",
  );
  cx.release();
});

deviceTest("attention: key heads and windows that do not fit are refused", (device) => {
  const cx = new Context(device);
  const sizes = { qLengths: [3], kLengths: [3], heads: 3, headSize: 4 };
  assert.throws(() => build(cx, makeCase({ ...sizes, keyHeads: 2 })), {
    name: "RangeError",
    message: "attention: 3 query heads for 2 key heads",
  });
  assert.throws(() => build(cx, makeCase({ ...sizes, window: 2 })), {
    name: "RangeError",
    message: "attention: a window of 2 keys, causal false",
  });
  cx.release();
  return Promise.resolve();
});
