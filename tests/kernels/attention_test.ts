import assert from "node:assert/strict";
import { attention as launch, attentionBackward } from "../../kernels/attention/attention.ts";
import type { Attention } from "../../kernels/attention/operands.ts";
import { Context } from "../../lib/tensor/context.ts";
import { deviceTest } from "../device.ts";
import { randomValues, relativeNorm } from "../numeric.ts";
import {
  attentionBackwardReference,
  type AttentionCase,
  attentionReference,
} from "../reference/attention.ts";
import { assertClose, build, f32, makeCase, rows, type Sizes } from "./attention_case.ts";

const CASES: Record<string, Sizes> = {
  "one token": { qLengths: [1], kLengths: [1], heads: 1, headSize: 4, causal: true },
  "packed, causal, with bias": {
    qLengths: [1, 37, 16, 5],
    kLengths: [1, 37, 16, 5],
    heads: 3,
    headSize: 16,
    causal: true,
    bias: true,
  },
  "packed, with bias": {
    qLengths: [33, 2, 18],
    kLengths: [33, 2, 18],
    heads: 2,
    headSize: 64,
    bias: true,
    scale: 0.3,
  },
  "cross, more queries than keys": {
    qLengths: [19, 3, 1],
    kLengths: [6, 50, 1],
    heads: 4,
    headSize: 20,
  },
  "odd head size": {
    qLengths: [7, 1],
    kLengths: [7, 4],
    heads: 3,
    headSize: 7,
    causal: true,
    scale: 1 / Math.sqrt(7),
  },
  "a head of many columns": {
    qLengths: [40, 3],
    kLengths: [40, 70],
    heads: 2,
    headSize: 101,
    causal: true,
    bias: true,
    scale: 0.2,
  },
  "a head of more columns than a panel is deep": {
    qLengths: [9, 1],
    kLengths: [21, 3],
    heads: 1,
    headSize: 401,
    scale: 0.05,
  },
  "blocks of queries, tiles with few rows": {
    qLengths: [55, 50, 2],
    kLengths: [55, 117, 90],
    heads: 1,
    headSize: 40,
    causal: true,
    bias: true,
  },
  "causal, first queries see nothing": {
    qLengths: [5],
    kLengths: [3],
    heads: 2,
    headSize: 8,
    causal: true,
  },
};

for (const [name, sizes] of Object.entries(CASES)) {
  deviceTest(`attention, ${name}: forward and backward agree with f64`, async (device) => {
    const c = makeCase(sizes);
    const cx = new Context(device, { grad: true });
    const { q, k, v, bias, o } = build(cx, c);
    assertClose(await o.read(), attentionReference(c).o, "o");
    // What is there already is added to.
    const before = randomValues(c.v.length, 6);
    v.grad = cx.from(before, v.shape);
    const inputs = bias ? [q, k, bias] : [q, k];
    for (const input of inputs) {
      input.grad = cx.empty(input.shape);
      cx.zero(input.grad);
    }
    const gradients = [v, ...inputs].map((input) => input.grad!);
    const dOut = randomValues(c.q.length, 5);
    cx.backward([{ output: o, gradient: cx.from(dOut, o.shape) }]);
    const [dv, dq, dk, dBias] = await Promise.all(gradients.map((g) => g.read()));
    const expected = attentionBackwardReference(c, dOut);
    assertClose(dv, expected.dv.map((x, i) => x + before[i]), "dv");
    assertClose(dq, expected.dq, "dq");
    assertClose(dk, expected.dk, "dk");
    if (bias) assertClose(dBias, expected.dBias, "dBias");
    cx.release();
  });
}

/** The gradient of a function of some values by finite differences. */
function slope(values: ArrayLike<number>, loss: (values: number[]) => number): number[] {
  const step = 1e-5;
  return Array.from(values, (_, i) => {
    const moved = (by: number) => loss(Array.from(values, (x, j) => i === j ? x + by : x));
    return (moved(step) - moved(-step)) / (2 * step);
  });
}

Deno.test("attention: the reference's gradient is that of finite differences", () => {
  const own = { qLengths: [3, 2], kLengths: [3, 2], headSize: 3, causal: true, bias: true };
  const prefix = {
    k: randomValues(15, 7),
    v: randomValues(15, 8),
    starts: [1, 1],
    lengths: [4, 4],
  };
  const cases: AttentionCase[] = [
    makeCase({ ...own, heads: 2 }),
    { ...makeCase({ ...own, heads: 2, bias: false }), window: 2 },
    {
      ...makeCase({ ...own, heads: 3, bias: false }),
      ...{ keyHeads: 1, k: randomValues(15, 5), v: randomValues(15, 6), prefix, window: 5 },
    },
  ];
  for (const c of cases) {
    const dOut = randomValues(c.q.length, 5);
    const loss = (changed: Partial<AttentionCase>) =>
      attentionReference({ ...c, ...changed }).o.reduce((sum, x, i) => sum + x * dOut[i], 0);
    const gradient = attentionBackwardReference(c, dOut);
    assert.ok(relativeNorm(slope(c.q, (q) => loss({ q })), gradient.dq) < 1e-7);
    assert.ok(relativeNorm(slope(c.k, (k) => loss({ k })), gradient.dk) < 1e-7);
    assert.ok(relativeNorm(slope(c.v, (v) => loss({ v })), gradient.dv) < 1e-7);
    if (c.bias) {
      const { bias } = c;
      const dBias = slope(bias.table, (table) => loss({ bias: { ...bias, table } }));
      assert.ok(relativeNorm(dBias, gradient.dBias) < 1e-7);
    }
    if (c.prefix) {
      const before = c.prefix;
      const dk = slope(before.k, (k) => loss({ prefix: { ...before, k } }));
      assert.ok(relativeNorm(dk, gradient.dPrefixK) < 1e-7);
      const dv = slope(before.v, (v) => loss({ prefix: { ...before, v } }));
      assert.ok(relativeNorm(dv, gradient.dPrefixV) < 1e-7);
    }
  }
});

deviceTest(
  "attention: decoding token by token from a cache equals the full pass bit for bit",
  async (device) => {
    const c = makeCase({
      qLengths: [9, 38, 21],
      kLengths: [9, 38, 21],
      heads: 3,
      headSize: 22,
      causal: true,
      bias: true,
    });
    const cx = new Context(device);
    const { o } = build(cx, c);
    const full = await o.read();
    // A cache of slots of 40 rows, in another order, each row followed by something else.
    const width = c.heads * c.headSize;
    const stride = width + 5;
    const slots = [2, 0, 3];
    const cached = (x: ArrayLike<number>) => {
      const cache = randomValues(4 * 40 * stride, 7);
      slots.forEach((slot, s) => {
        for (let i = 0; i < c.kLengths[s]; i++) {
          for (let d = 0; d < width; d++) {
            cache[(slot * 40 + i) * stride + d] = x[(c.kStarts[s] + i) * width + d];
          }
        }
      });
      return cx.from(cache);
    };
    const k = cached(c.k);
    const v = cached(c.v);
    const table = cx.from(Float32Array.from(c.bias!.table));
    for (let step = 0; step < 38; step++) {
      const alive = [0, 1, 2].filter((s) => step < c.qLengths[s]);
      const q = cx.from(Float32Array.from(alive.flatMap((s) => {
        const row = (c.qStarts[s] + step) * width;
        return Array.from(c.q).slice(row, row + width);
      })));
      const keys = rows(cx, alive.map((s) => slots[s] * 40), alive.map(() => step + 1));
      const queries = rows(cx, alive.map((_, row) => row), alive.map(() => 1));
      const out = cx.empty([alive.length, width]);
      const { heads, headSize, scale, causal } = c;
      const shape = { heads, headSize, scale, causal, sequences: alive.length, queries, keys };
      const strides = { qStride: width, kStride: stride, vStride: stride };
      const bias = { table, reach: c.bias!.reach };
      launch(device, { q, k, v, ...shape, ...strides, bias }, out, null);
      const decoded = await out.read();
      alive.forEach((s, row) => {
        const at = (c.qStarts[s] + step) * width;
        assert.deepEqual(
          decoded.subarray(row * width, (row + 1) * width),
          full.subarray(at, at + width),
          `sequence ${s}, position ${step}`,
        );
      });
    }
    cx.release();
  },
);

deviceTest(
  "attention: the last of hundreds of queries alone equals the full pass bit for bit",
  async (device) => {
    const sizes = { heads: 2, headSize: 64, causal: true, bias: true };
    const c = makeCase({ ...sizes, qLengths: [601], kLengths: [601] });
    const cx = new Context(device);
    const { o } = build(cx, c);
    const full = await o.read();
    const q = Array.from(c.q).slice(-128);
    const last = build(cx, { ...c, q, qStarts: [0], qLengths: [1] });
    assert.deepEqual(await last.o.read(), full.slice(-128));
    cx.release();
  },
);

deviceTest(
  "attention: each query alone equals the full pass bit for bit, whatever the sizes",
  async (device) => {
    // Queries by the number of a tile's rows, keys by a panel's columns, columns by a vector's.
    for (
      const [queries, keys, headSize] of [[7, 15, 32], [8, 16, 37], [13, 35, 64], [50, 110, 8]]
    ) {
      const sizes = { heads: 2, headSize, scale: 0.3 };
      const c = makeCase({ ...sizes, qLengths: [queries], kLengths: [keys] });
      const cx = new Context(device);
      const full = await build(cx, c).o.read();
      const width = 2 * headSize;
      for (let row = 0; row < queries; row++) {
        const q = Array.from(c.q).slice(row * width, (row + 1) * width);
        const alone = await build(cx, { ...c, q, qStarts: [0], qLengths: [1] }).o.read();
        const expected = full.subarray(row * width, (row + 1) * width);
        assert.deepEqual(alone, expected, `${queries} queries, ${keys} keys: query ${row}`);
      }
      cx.release();
    }
  },
);

deviceTest("attention: thousands of keys", async (device) => {
  const c = makeCase({ qLengths: [18], kLengths: [9001], heads: 1, headSize: 4, causal: true });
  const cx = new Context(device, { grad: true });
  const { q, k, o } = build(cx, c);
  assertClose(await o.read(), attentionReference(c).o, "o");
  const [dq, dk] = [q, k].map((input) => input.grad = cx.empty(input.shape));
  cx.zero(dq);
  cx.zero(dk);
  const dOut = randomValues(c.q.length, 5);
  cx.backward([{ output: o, gradient: cx.from(dOut, o.shape) }]);
  const expected = attentionBackwardReference(c, dOut);
  assertClose(await dq.read(), expected.dq, "dq");
  assertClose(await dk.read(), expected.dk, "dk");
  cx.release();
});

deviceTest(
  "attention: writes only the gradients asked for, overwriting them when told",
  async (device) => {
    const c = makeCase({ qLengths: [3, 6], kLengths: [4, 2], heads: 2, headSize: 8 });
    const cx = new Context(device);
    const [q, k, v] = [c.q, c.k, c.v].map((x) => f32(cx, x, 16));
    const dOut = randomValues(c.q.length, 5);
    const [o, gradient, dk] = [c.q, dOut, randomValues(c.k.length, 6)].map((x) => f32(cx, x, 16));
    const lse = cx.empty([9, 2]);
    const problem = {
      ...{ q, k, v, qStride: 16, kStride: 16, vStride: 16, bias: null, sequences: 2 },
      ...{ heads: 2, headSize: 8, scale: c.scale, causal: c.causal },
      queries: rows(cx, c.qStarts, c.qLengths),
      keys: rows(cx, c.kStarts, c.kLengths),
    };
    launch(device, problem, o, lse);
    attentionBackward(device, problem, {
      ...{ o, lse, dOut: gradient, dq: null, dv: null, dBiasPartials: null },
      dk: { into: dk, accumulate: false },
    });
    assertClose(await dk.read(), attentionBackwardReference(c, dOut).dk, "dk");
    cx.release();
  },
);

deviceTest("attention: refuses what the bias table or the scratch memory cannot hold", (device) => {
  const cx = new Context(device);
  const c = makeCase({ qLengths: [8], kLengths: [8], heads: 1, headSize: 4, bias: true });
  c.bias!.reach = 6;
  assert.throws(() => build(cx, c), /over 8 positions: the bias table reaches only 6/);
  cx.release();
  return Promise.resolve();
});

deviceTest(
  "attention: a sequence longer than the kernels take is the user's mistake",
  async (device) => {
    const p = { keys: { maxLength: 124_001 } } as Attention;
    const span = { buffer: device.alloc(4), byteOffset: 0 };
    assert.throws(() => launch(device, p, span, null), {
      name: "UserError",
      message: /^a sequence of 124001 tokens is too long: .* at most 124000; shorten the text$/,
    });
    await device.read(span, 4); // nothing was recorded
  },
);
