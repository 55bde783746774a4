import type { Binding, Device, GpuDevice, Span } from "../../lib/device/device.ts";
import type { RowsShape } from "../split.ts";
import { numbered, wgsl } from "../wgsl.ts";
import chunkSum from "./chunk_sum.wgsl" with { type: "text" };
import chunkSumFours from "./chunk_sum_fours.wgsl" with { type: "text" };
import code from "./norm_products.wgsl" with { type: "text" };
import { MAX_COLUMNS, MAX_PRODUCTS, NORM_PRODUCTS, ROWS } from "./signatures.ts";

/**
 * Columns of all products that a workgroup computes: few, so that a GPU's units share a row. A software
 * adapter, which has few units, computes as many as there is room for.
 */
const COLUMNS = 16;

const [singleShader, foursShader] = ([[chunkSum, {}], [chunkSumFours, { a: "vec4f" }]] as const)
  .map(([sums, elements]) =>
    wgsl(
      NORM_PRODUCTS,
      "norm_products/norm_products.wgsl",
      code + numbered(sums, MAX_PRODUCTS),
      { elements },
    )()
  );

/** Norm of the rows: a layer norm with a bias, else a root mean square norm. */
export interface RowNorm {
  /** f32 [width] */
  readonly weight: Span;
  /** f32 [width] of a layer norm. */
  readonly bias: Span | null;
  /** Added to the variance or the mean square. */
  readonly eps: number;
  /** Added to the weight. */
  readonly weightOffset: number;
}

/** A product of the normed rows: U[rows, n] = norm(X) Aᵀ. */
export interface NormProduct {
  /** f32 [rows, n], in the same buffer for all of the products. */
  readonly u: Span;
  /** f32 [n, width], row-major; all products' lie in one block. */
  readonly a: Span;
  readonly n: number;
}

/**
 * Tells devices that have {@linkcode normProducts}, and can bind the products' matrices for it.
 *
 * @param matrices A of each product; null where there is none
 */
export function fusesNormProducts(
  device: Device,
  matrices: readonly (Span | null)[],
): device is GpuDevice {
  return device.kind === "webgpu" && device.bindsTogether(matrices);
}

/**
 * `rmsNorm` or `layerNorm` of few rows and up to three products of the result with narrow matrices,
 * in one dispatch: adapters' A, or a value head. Each element is summed in the order in which those
 * and `matmul` sum it: the result is the same, bit for bit.
 *
 * @param y f32 [rows, width]
 * @param x f32 [rows, width], not in y's buffer
 * @param bias added to the products, f32 [n of all of them]; or null
 */
export function normProducts(
  device: GpuDevice,
  y: Span,
  x: Span,
  norm: RowNorm,
  { rows, width }: RowsShape,
  products: readonly NormProduct[],
  bias: Span | null = null,
): void {
  const all = products.reduce((sum, { n }) => sum + n, 0);
  const partColumns = Math.min(all, device.software ? MAX_COLUMNS : COLUMNS);
  const parts = Math.ceil(all / partColumns);
  const each = <T>(value: (product: NormProduct) => T, none: T): T[] =>
    Array.from({ length: MAX_PRODUCTS }, (_, i) => i < products.length ? value(products[i]) : none);
  const u = products.map(({ u }) => u).reduce((a, b) => b.byteOffset < a.byteOffset ? b : a);
  const [a_0, a_1, a_2] = each<Binding | null>(
    ({ a: { buffer, byteOffset }, n }) => ({ buffer, byteOffset, byteLength: n * width * 4 }),
    null,
  );
  const [n_0, n_1, n_2] = each(({ n }) => n, 0);
  const starts = each((product) => (product.u.byteOffset - u.byteOffset) / 4, 0);
  const [uStart_0, uStart_1, uStart_2] = starts;
  const readsFours = width % 4 === 0 && products.every(({ a }) => a.byteOffset % 16 === 0);
  device.dispatch(readsFours ? foursShader : singleShader, Math.ceil(rows / ROWS) * parts, {
    y,
    u,
    x,
    weight: norm.weight,
    normBias: norm.bias,
    a_0,
    a_1,
    a_2,
    bias,
    rows,
    width,
    parts,
    partColumns,
    n_0,
    n_1,
    n_2,
    uStart_0,
    uStart_1,
    uStart_2,
    eps: norm.eps,
    weightOffset: norm.weightOffset,
  });
}
