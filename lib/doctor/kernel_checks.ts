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
  check("attention", async (cx, random) => {
    const [length, heads, size] = [37, 3, 32];
    const width = heads * size;
    const [q, k, v] = [0, 1, 2].map(() => randomValues(random, length * width));
    const rows = {
      starts: cx.from(Int32Array.of(0)),
      lengths: cx.from(Int32Array.of(length)),
      maxLength: length,
    };
    const o = cx.empty([length, width]);
    attention(
      cx.device,
      {
        q: cx.from(q),
        k: cx.from(k),
        v: cx.from(v),
        qStride: width,
        kStride: width,
        vStride: width,
        queries: rows,
        keys: rows,
        sequences: 1,
        heads,
        headSize: size,
        scale: 1,
        causal: true,
        bias: null,
      },
      o,
      null,
    );
    const actual = await o.read();
    const expected = Float64Array.from(actual, (_, at) => {
      const [i, column] = [Math.floor(at / width), at % width];
      const head = column - column % size;
      const weights = Float64Array.from(
        { length: i + 1 },
        (_, j) => Math.exp(sum(size, (d) => q[i * width + head + d] * k[j * width + head + d])),
      );
      const total = sum(weights.length, (j) => weights[j]);
      return sum(weights.length, (j) => weights[j] * v[j * width + column]) / total;
    });
    return { actual, expected };
  }),
];

function check(
  name: string,
  compute: (
    cx: Context,
    random: Random,
  ) => Promise<{ actual: Float32Array; expected: Float64Array }>,
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
