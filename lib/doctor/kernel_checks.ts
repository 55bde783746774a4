import { attention } from "../../kernels/attention/attention.ts";
import { rmsNorm } from "../../kernels/rms_norm/rms_norm.ts";
import type { Device } from "../device/device.ts";
import { Random } from "../random.ts";
import { Context } from "../tensor/context.ts";
import { linear } from "../tensor/ops/linear.ts";
import { WeightMatrix } from "../tensor/weight.ts";

/** Largest relative error, in Euclidean norms, that f32 sums in another order explain. */
const TOLERANCE = 1e-5;

/** A kernel and its plain f64 version on the same random numbers. */
export interface KernelCheck {
  readonly name: string;
  /** @returns the relative error; at most {@linkcode TOLERANCE}, or it throws */
  run(device: Device): Promise<string>;
}

/** Results of a kernel and of its f64 version. */
interface Comparison {
  readonly actual: Float32Array;
  readonly expected: Float64Array;
}

/** The kernels where most of the time goes, each against a plain loop in f64. */
export const KERNEL_CHECKS: readonly KernelCheck[] = [
  check("matrix product", async (cx, random) => {
    const [m, n, k] = [70, 130, 515];
    const x = randomValues(random, m * k);
    const w = randomValues(random, n * k);
    const rows = (first: number, count: number) => w.slice(first * k, (first + count) * k);
    const weight = WeightMatrix.freeze(cx.device, rows, n, k, "f32");
    const actual = await linear(cx, cx.from(x, [m, k]), weight).read();
    weight.dispose(cx.device);
    const expected = Float64Array.from(actual, (_, at) => {
      const [i, j] = [Math.floor(at / n), at % n];
      return sum(k, (l) => x[i * k + l] * w[j * k + l]);
    });
    return { actual, expected };
  }),
  check("norm", async (cx, random) => {
    const [rows, width, eps] = [9, 300, 1e-6];
    const x = randomValues(random, rows * width);
    const w = randomValues(random, width);
    const y = cx.empty([rows, width]);
    rmsNorm(cx.device, y, null, cx.from(x), cx.from(w), null, { rows, width }, {
      eps,
      weightOffset: 0,
    });
    const actual = await y.read();
    const expected = Float64Array.from(actual, (_, at) => {
      const row = at - at % width;
      const squares = sum(width, (j) => x[row + j] ** 2);
      return x[at] * w[at % width] / Math.sqrt(squares / width + eps);
    });
    return { actual, expected };
  }),
  check("attention", (cx, random) => attend(cx, random, { prefix: 0, queries: 37, window: null })),
  check(
    "attention over a prompt",
    (cx, random) => attend(cx, random, { prefix: 45, queries: 37, window: 40 }),
  ),
  check(
    "attention of one token",
    (cx, random) => attend(cx, random, { prefix: 300, queries: 1, window: null }),
  ),
];

/**
 * Causal attention of the last `queries` of 37 tokens and a prefix of theirs, in two heads of queries for
 * each of keys.
 */
async function attend(
  cx: Context,
  random: Random,
  { prefix, queries, window }: { prefix: number; queries: number; window: number | null },
): Promise<Comparison> {
  const [own, heads, keyHeads, size] = [37, 4, 2, 32];
  const [width, keyWidth] = [heads * size, keyHeads * size];
  const keys = prefix + own;
  const q = randomValues(random, queries * width);
  const [k, v] = [0, 1].map(() => randomValues(random, keys * keyWidth));
  const rows = (start: number, length: number) => ({
    starts: cx.from(Int32Array.of(start)),
    lengths: cx.from(Int32Array.of(length)),
    maxLength: length,
  });
  const [deviceK, deviceV] = [k, v].map((x) => cx.from(x, [keys, keyWidth]));
  const strides = { kStride: keyWidth, vStride: keyWidth };
  const o = cx.empty([queries, width]);
  attention(
    cx.device,
    {
      q: cx.from(q),
      k: deviceK,
      v: deviceV,
      qStride: width,
      ...strides,
      queries: rows(0, queries),
      keys: rows(prefix, own),
      sequences: 1,
      heads,
      keyHeads,
      headSize: size,
      scale: 1,
      causal: true,
      bias: null,
      window,
      prefix: prefix === 0
        ? null
        : { k: deviceK, v: deviceV, ...strides, rows: rows(0, prefix), sharing: null },
    },
    o,
    null,
  );
  const actual = await o.read();
  const expected = Float64Array.from(actual, (_, at) => {
    const [i, column] = [Math.floor(at / width), at % width];
    const head = Math.floor(column / size);
    const keyColumn = Math.floor(head * keyHeads / heads) * size;
    const position = keys - queries + i;
    const first = window === null ? 0 : Math.max(0, position - window + 1);
    const weights = Float64Array.from({ length: position - first + 1 }, (_, j) => {
      const [query, key] = [i * width + head * size, (first + j) * keyWidth + keyColumn];
      return Math.exp(sum(size, (d) => q[query + d] * k[key + d]));
    });
    const total = sum(weights.length, (j) => weights[j]);
    const value = (j: number) => v[(first + j) * keyWidth + keyColumn + column % size];
    return sum(weights.length, (j) => weights[j] * value(j)) / total;
  });
  return { actual, expected };
}

function check(
  name: string,
  compute: (cx: Context, random: Random) => Promise<Comparison>,
): KernelCheck {
  return {
    name,
    async run(device) {
      const cx = new Context(device);
      try {
        const { actual, expected } = await compute(cx, new Random(1));
        const squares = (f: (i: number) => number) => sum(expected.length, (i) => f(i) ** 2);
        const error = Math.sqrt(
          squares((i) => actual[i] - expected[i]) / squares((i) => expected[i]),
        );
        // Not `error > TOLERANCE`: NaN fails too.
        if (!(error <= TOLERANCE)) throw new Error(`relative error ${error}, at most ${TOLERANCE}`);
        return `relative error ${error.toExponential(1)}`;
      } finally {
        cx.release();
      }
    },
  };
}

function randomValues(random: Random, length: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length }, () => 2 * random.uniform() - 1);
}

function sum(count: number, term: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += term(i);
  return total;
}
