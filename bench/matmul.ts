/** GFLOPS of the matrix products of training. Called by `temper bench matmul`. */
import { matmul } from "../kernels/matmul/matmul.ts";
import type { Matmul, RightMatrix } from "../kernels/matmul/product.ts";
import type { Device, Span } from "../lib/device/device.ts";
import { RandomSource } from "../lib/models/random_weights.ts";
import { openRunDevice, type RunDeviceOptions } from "../lib/runs/loading/device.ts";
import { Context } from "../lib/tensor/context.ts";
import type { Tensor } from "../lib/tensor/tensor.ts";
import { WeightMatrix } from "../lib/tensor/weight.ts";

/** Rows, output width and input width of a linear layer. */
export type MatmulShape = readonly [m: number, n: number, k: number];

/** A square, and flan-t5-base's: a minibatch, and decoding 16, 4 and 1 rows. */
export const MATMUL_SHAPES: readonly MatmulShape[] = [
  [1024, 1024, 1024],
  [512, 768, 768],
  [512, 2048, 768],
  [16, 768, 768],
  [16, 32128, 768],
  [4, 768, 768],
  [1, 768, 768],
];

/** Options of the benchmark. */
export interface MatmulBench extends RunDeviceOptions {
  shapes: readonly MatmulShape[];
}

/** Result of the benchmark. */
export interface MatmulBenchResult {
  device: string;
  /** GFLOPS by product, for each shape. */
  rows: { shape: MatmulShape; gflops: Record<string, number> }[];
}

/** Reads "MxNxK". */
export function matmulShape(text: string): MatmulShape {
  const [m, n, k] = text.split("x").map(Number);
  return [m, n, k];
}

/** Rank of the adapter's product. */
const RANK = 32;
/** Seconds that a measurement takes. */
const SECONDS = 0.25;

/** Runs the benchmark: linear layers' forward products, their gradients and an adapter's. */
export async function benchMatmul(
  { shapes, ...options }: MatmulBench,
): Promise<MatmulBenchResult> {
  const device = await openRunDevice(options);
  try {
    const rows: MatmulBenchResult["rows"] = [];
    for (const shape of shapes) rows.push({ shape, gflops: await measureShape(device, shape) });
    return { device: device.description, rows };
  } finally {
    device.close();
  }
}

async function measureShape(
  device: Device,
  [m, n, k]: MatmulShape,
): Promise<Record<string, number>> {
  const cx = new Context(device);
  const gflops: Record<string, number> = {};
  const random = new RandomSource(1);
  const values = (rows: number, width: number) =>
    cx.from(random.read("", [rows, width]), [rows, width]);
  const x = values(m, k);
  const dy = values(m, n);
  const a = values(RANK, k);
  const u = cx.empty([m, RANK]);
  const outputs = { y: cx.empty([m, n]), dx: cx.empty([m, k]), dw: cx.empty([n, k]) };
  try {
    for (const dtype of ["f32", "bf16"] as const) {
      const read = (first: number, count: number) => random.read("", [n, k], first, count);
      const weight = WeightMatrix.freeze(device, read, n, k, dtype);
      const forward = { c: outputs.y, a: x, b: weight.forward(), m, n, k };
      const backward = { c: outputs.dx, a: dy, b: weight.backward(), m, n: k, k: n };
      gflops[`x·Wᵀ ${dtype}`] = await productSpeed(device, forward);
      gflops[`dy·W ${dtype}`] = await productSpeed(device, backward);
      weight.dispose(device);
    }
    const rowMajor = (span: Tensor): RightMatrix => ({
      kind: "strided",
      span,
      kStride: span.width,
      nStride: 1,
    });
    const transposed = (span: Tensor): RightMatrix => ({
      kind: "strided",
      span,
      kStride: 1,
      nStride: span.width,
    });
    const gradient = { c: outputs.dw, a: dy, aRowStride: 1, aColumnStride: n, b: rowMajor(x) };
    gflops["dyᵀ·x"] = await productSpeed(device, { ...gradient, m: n, n: k, k: m });
    const lowRank = { c: u, a: x, b: transposed(a), m, n: RANK, k };
    gflops[`x·Aᵀ, r ${RANK}`] = await productSpeed(device, lowRank);
  } finally {
    cx.release();
  }
  return gflops;
}

async function productSpeed(
  device: Device,
  product: Matmul,
): Promise<number> {
  const { c, m, n, k } = product;
  return await launchSpeed(device, () => matmul(device, product), c, 2 * m * n * k, SECONDS);
}

/**
 * Measures a launch that is made back to back.
 *
 * @param result memory that it writes
 * @param operations multiplications and additions of a launch
 * @param atLeast seconds that the measurement takes at least
 * @returns billions of multiplications and additions a second
 */
export async function launchSpeed(
  device: Device,
  launch: () => void,
  result: Span,
  operations: number,
  atLeast: number,
): Promise<number> {
  const run = async (times: number) => {
    const start = performance.now();
    for (let i = 0; i < times; i++) launch();
    await device.read(result, 4);
    return (performance.now() - start) / 1000;
  };
  await run(1);
  let times = 1;
  let seconds = await run(times);
  while (seconds < atLeast) {
    times = Math.ceil(times * Math.min(16, 1.2 * atLeast / seconds));
    seconds = await run(times);
  }
  return operations * times / seconds / 1e9;
}
