import assert from "node:assert/strict";
import {
  ATTENTION_GRADIENT_PREFIXED,
  ATTENTION_PREFIXED,
} from "../../kernels/attention/signatures.ts";
import { Context } from "../../lib/tensor/context.ts";
import { attention, type Rows } from "../../lib/tensor/ops/attention.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { gpuTest } from "../device.ts";
import { randomValues } from "../numeric.ts";
import {
  attentionBackwardReference,
  type AttentionCase,
  attentionReference,
  type PrefixCase,
} from "../reference/attention.ts";

interface Sizes {
  /** Tokens of the prefixes that there are. */
  prefixes: number[];
  /** Which of them each sequence has. */
  which: number[];
  /** Queries of each sequence. */
  queries: number[];
  /** Keys beside the prefix; default: as many as queries. */
  keys?: number[];
  heads: number;
  keyHeads: number;
  headSize: number;
  causal?: boolean;
  window?: number;
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

function startsOf(lengths: readonly number[]): number[] {
  let next = 0;
  return lengths.map((length) => (next += length) - length);
}

function makeCase(sizes: Sizes): AttentionCase & { prefix: PrefixCase } {
  const { prefixes, which, queries, keys = queries, heads, keyHeads, headSize } = sizes;
  const width = keyHeads * headSize;
  const prefixStarts = startsOf(prefixes);
  return {
    q: randomValues(sum(queries) * heads * headSize, 1),
    k: randomValues(sum(keys) * width, 2),
    v: randomValues(sum(keys) * width, 3),
    qStarts: startsOf(queries),
    qLengths: queries,
    kStarts: startsOf(keys),
    kLengths: keys,
    heads,
    keyHeads,
    headSize,
    scale: 1 / Math.sqrt(headSize),
    causal: sizes.causal ?? true,
    window: sizes.window ?? null,
    bias: null,
    prefix: {
      k: randomValues(sum(prefixes) * width, 4),
      v: randomValues(sum(prefixes) * width, 5),
      starts: which.map((i) => prefixStarts[i]),
      lengths: which.map((i) => prefixes[i]),
    },
  };
}

/** Sequences sorted stably by the start of their prefix, and where each group begins. */
function groupsOf(starts: readonly number[]): { order: number[]; first: number[] } {
  const order = starts.map((_, b) => b).sort((a, b) => starts[a] - starts[b] || a - b);
  const first = order.flatMap((b, i) => i === 0 || starts[b] !== starts[order[i - 1]] ? [i] : []);
  return { order, first: [...first, starts.length] };
}

interface Inputs {
  q: Tensor;
  k: Tensor;
  v: Tensor;
  prefixK: Tensor;
  prefixV: Tensor;
}

function matrix(cx: Context, data: ArrayLike<number>, width: number): Tensor {
  const tensor = cx.from(Float32Array.from(data), [data.length / width, width]);
  tensor.requiresGrad = cx.grad;
  return tensor;
}

/** @param tables makes the tensors of tables: one by one, or all in one block */
function launch(cx: Context, c: AttentionCase & { prefix: PrefixCase }, together = true) {
  const { heads, keyHeads = heads, headSize, prefix } = c;
  const { order, first } = groupsOf(prefix.starts);
  const lists = [c.qStarts, c.qLengths, c.kStarts, c.kLengths, prefix.starts, prefix.lengths];
  const [qStarts, qLengths, kStarts, kLengths, pStarts, pLengths, orderTable, groups] = tables(
    cx,
    [...lists, order, first],
    together,
  );
  const rows = (starts: Tensor, lengths: Tensor, list: readonly number[]): Rows => (
    { starts, lengths, maxLength: Math.max(...list) }
  );
  const width = keyHeads * headSize;
  const inputs: Inputs = {
    q: matrix(cx, c.q, heads * headSize),
    k: matrix(cx, c.k, width),
    v: matrix(cx, c.v, width),
    prefixK: matrix(cx, prefix.k, width),
    prefixV: matrix(cx, prefix.v, width),
  };
  const shares = first.length - 1 < prefix.starts.length;
  const o = attention(cx, inputs.q, inputs.k, inputs.v, {
    heads,
    keyHeads,
    scale: c.scale,
    causal: c.causal,
    window: c.window,
    bias: null,
    queries: rows(qStarts, qLengths, c.qLengths),
    keys: rows(kStarts, kLengths, c.kLengths),
    prefix: {
      k: inputs.prefixK,
      v: inputs.prefixV,
      rows: rows(pStarts, pLengths, prefix.lengths),
      sharing: shares ? { order: orderTable, starts: groups } : null,
    },
  });
  return { o, ...inputs };
}

function tables(cx: Context, lists: readonly number[][], together: boolean): Tensor[] {
  if (!together) return lists.map((list) => cx.from(Int32Array.from(list)));
  const starts = startsOf(lists.map((list) => list.length));
  const data = Int32Array.from(lists.flat());
  const block = cx.from(data, [data.length, 1]);
  return lists.map((list, i) => block.slice(starts[i], list.length));
}

function assertClose(actual: Float32Array, expected: Float64Array, name: string): void {
  const error = Math.hypot(...expected.map((x, i) => actual[i] - x));
  const norm = Math.hypot(...expected);
  assert.ok(error <= 2e-6 * Math.max(norm, 1), `${name}: error ${error}, norm ${norm}`);
}

const CASES: Record<string, Sizes> = {
  "shared prefixes, some empty": {
    prefixes: [37, 0, 64],
    which: [0, 2, 0, 1, 0],
    queries: [5, 40, 33, 7, 1],
    heads: 6,
    keyHeads: 2,
    headSize: 16,
  },
  "a prefix for each, in another order": {
    prefixes: [3, 70],
    which: [1, 0],
    queries: [4, 31],
    heads: 4,
    keyHeads: 1,
    headSize: 20,
  },
  "a window, in prefix and keys": {
    prefixes: [75, 10],
    which: [0, 0, 1],
    queries: [50, 3, 45],
    heads: 2,
    keyHeads: 1,
    headSize: 32,
    window: 37,
  },
  "a window of one key": {
    prefixes: [33],
    which: [0, 0],
    queries: [4, 2],
    heads: 2,
    keyHeads: 2,
    headSize: 8,
    window: 1,
  },
  "cross-attention of rows with one prompt: no keys beside the prefix": {
    prefixes: [41, 6],
    which: [0, 1, 0],
    queries: [9, 1, 35],
    keys: [0, 0, 0],
    heads: 3,
    keyHeads: 3,
    headSize: 12,
    causal: false,
  },
  "heads of 256 columns": {
    prefixes: [40],
    which: [0, 0],
    queries: [3, 35],
    heads: 2,
    keyHeads: 1,
    headSize: 256,
    window: 64,
  },
};

for (const [name, sizes] of Object.entries(CASES)) {
  gpuTest(`attention on a GPU, ${name}: forward and backward agree with f64`, async (device) => {
    const c = makeCase(sizes);
    const cx = new Context(device, { grad: true });
    const { o, ...inputs } = launch(cx, c);
    assertClose(await o.read(), attentionReference(c).o, "o");
    const tensors = Object.values(inputs);
    for (const x of tensors) cx.zero(x.grad = cx.empty(x.shape));
    const gradients = tensors.map((x) => x.grad!);
    const dOut = randomValues(c.q.length, 6);
    cx.backward([{ output: o, gradient: cx.from(dOut, o.shape) }]);
    const [dq, dk, dv, dPrefixK, dPrefixV] = await Promise.all(gradients.map((g) => g.read()));
    const expected = attentionBackwardReference(c, dOut);
    assertClose(dq, expected.dq, "dq");
    if (sum(c.kLengths) > 0) {
      assertClose(dk, expected.dk, "dk");
      assertClose(dv, expected.dv, "dv");
    }
    assertClose(dPrefixK, expected.dPrefixK, "the prefix's dk");
    assertClose(dPrefixV, expected.dPrefixV, "the prefix's dv");
    cx.release();
  });
}

/** The last `queries` rows of one sequence whose first `dropped` keys are gone, and the next in a prefix. */
function tail(
  whole: AttentionCase,
  { queries, prefix, dropped = 0 }: { queries: number; prefix: number; dropped?: number },
): AttentionCase & { prefix: PrefixCase } {
  const { heads, keyHeads = heads, headSize, kLengths: [length] } = whole;
  const width = keyHeads * headSize;
  const keys = (x: ArrayLike<number>, from: number, to = length) =>
    Array.from(x).slice(from * width, to * width);
  return {
    ...whole,
    q: Array.from(whole.q).slice((length - queries) * heads * headSize),
    k: keys(whole.k, prefix),
    v: keys(whole.v, prefix),
    qLengths: [queries],
    kLengths: [length - prefix],
    prefix: {
      k: keys(whole.k, dropped, prefix),
      v: keys(whole.v, dropped, prefix),
      starts: [0],
      lengths: [prefix - dropped],
    },
  };
}

/** The first `length` tokens of a sequence. */
function head(whole: AttentionCase, length: number): AttentionCase {
  const { heads, keyHeads = heads, headSize } = whole;
  const rows = (x: ArrayLike<number>, width: number) => Array.from(x).slice(0, length * width);
  return {
    ...whole,
    q: rows(whole.q, heads * headSize),
    k: rows(whole.k, keyHeads * headSize),
    v: rows(whole.v, keyHeads * headSize),
    qLengths: [length],
    kLengths: [length],
  };
}

for (const window of [null, 37]) {
  gpuTest(
    `attention on a GPU, window ${window}: the same bits wherever the prefix ends, and token by token`,
    async (device) => {
      const cx = new Context(device);
      const length = 101;
      const sizes = { prefixes: [0], which: [0], heads: 6, keyHeads: 2, headSize: 36 };
      const whole = { ...makeCase({ ...sizes, queries: [length] }), window };
      const width = 6 * 36;
      const full = await launch(cx, whole).o.read();
      const check = async (
        c: AttentionCase & { prefix: PrefixCase },
        end: number,
        name: string,
      ) => {
        const [queries] = c.qLengths;
        const actual = await launch(cx, c).o.read();
        const expected = full.subarray((end - queries) * width, end * width);
        assert.deepEqual(actual, expected, name);
      };
      for (const prefix of [1, 31, 32, 50, 77, 100]) {
        await check(tail(whole, { prefix, queries: length - prefix }), length, `prefix ${prefix}`);
        await check(tail(whole, { prefix, queries: length }), length, `all, prefix ${prefix}`);
        for (let end = prefix + 1; end <= length; end += 13) {
          const c = tail(head(whole, end), { prefix, queries: 1 });
          await check(c, end, `prefix ${prefix}, token ${end}`);
        }
      }
      // Keys that no query sees any more are gone.
      if (window) {
        for (const [dropped, prefix] of [[32, 70], [64, 64], [64, 80]]) {
          const some = { dropped, prefix, queries: length - dropped - 36 };
          await check(tail(whole, some), length, `dropped ${dropped}`);
        }
      }
      cx.release();
    },
  );
}

gpuTest(
  "attention on a GPU: rows that share a prefix have the bits of separate ones",
  async (device) => {
    const sizes = { queries: [5, 40, 1], heads: 4, keyHeads: 2, headSize: 24 };
    const cx = new Context(device);
    const shared = makeCase({ ...sizes, prefixes: [45], which: [0, 0, 0] });
    const { k, v } = shared.prefix;
    const repeated = (x: ArrayLike<number>) => [0, 1, 2].flatMap(() => Array.from(x));
    const prefix = { k: repeated(k), v: repeated(v), starts: [0, 45, 90], lengths: [45, 45, 45] };
    const o = await launch(cx, shared).o.read();
    assert.deepEqual(o, await launch(cx, { ...shared, prefix }).o.read());
    cx.release();
  },
);

gpuTest("attention on a GPU: one launch where the tables are in one block", async (device) => {
  const sizes = { prefixes: [4], which: [0, 0], queries: [1, 1], keys: [3, 7] };
  const c = makeCase({ ...sizes, heads: 4, keyHeads: 2, headSize: 16 });
  const cx = new Context(device);
  const dispatches = (together: boolean): [number, Tensor] => {
    device.flush(); // later writes are no dispatches
    const before = device.counters.dispatches;
    const { o } = launch(cx, c, together);
    return [device.counters.dispatches - before, o];
  };
  const [once, o] = dispatches(true);
  const [more, same] = dispatches(false);
  assert.deepEqual([once, more], [1, 7]);
  assert.deepEqual(await o.read(), await same.read());
  cx.release();
});

Deno.test("attention on a GPU: with a prefix, a kernel has at most eight bindings", () => {
  // The floor of `maxStorageBuffersPerShaderStage` in the WebGPU specification.
  for (const { spans } of [ATTENTION_PREFIXED, ATTENTION_GRADIENT_PREFIXED]) {
    assert.equal(spans.length, 8);
  }
});
