import type { Device, GpuDevice, Span } from "../../lib/device/device.ts";
import type { RowsShape } from "../split.ts";
import { numbered, wgsl } from "../wgsl.ts";
import chunkSum from "./rms_norm_chunk_sum.wgsl" with { type: "text" };
import code from "./rms_norm_products.wgsl" with { type: "text" };

/** Products at most; mirrored in rms_norm_products.wgsl. */
const MOST = 3;
/** Rows of a workgroup; mirrored in rms_norm_products.wgsl. */
const ROWS = 4;
/** Columns of all products that a workgroup computes: few, so that a GPU's units share a row. */
const COLUMNS = 16;
/** The most of them, on an imitated GPU, which has few; mirrored in rms_norm_products.wgsl. */
const MOST_COLUMNS = 64;

const NORM_PRODUCTS = wgsl("rms_norm_products", code + numbered(chunkSum, MOST))(
  "rms_norm_products",
  2,
);

/** A product of the normed rows: U[rows, n] = norm(X) Aᵀ. */
export interface NormProduct {
  /** f32 [rows, n], in the same buffer for all of the products. */
  readonly u: Span;
  /** f32 [n, width], row-major. */
  readonly a: Span;
  readonly n: number;
}

/** Tells devices that have {@linkcode rmsNormProducts}. */
export function fusesNormProducts(device: Device): device is GpuDevice {
  return device.kind === "webgpu";
}

/**
 * `rmsNorm` of few rows and up to three products of the result with narrow matrices, in one
 * dispatch: adapters' A, or a value head. Each element is summed in the order in which `matmul`
 * sums it: the result is the same, bit for bit.
 *
 * @param y f32 [rows, width]
 * @param x f32 [rows, width], not in y's buffer
 * @param weight f32 [width]
 * @param bias added to the products, f32 [n of all of them]; or null
 */
export function rmsNormProducts(
  device: GpuDevice,
  y: Span,
  x: Span,
  weight: Span,
  { rows, width }: RowsShape,
  eps: number,
  products: readonly NormProduct[],
  bias: Span | null = null,
): void {
  const all = products.reduce((sum, { n }) => sum + n, 0);
  const part = Math.min(all, device.software ? MOST_COLUMNS : COLUMNS);
  const parts = Math.ceil(all / part);
  const each = <T>(value: (product: NormProduct) => T, none: T): T[] =>
    Array.from({ length: MOST }, (_, i) => i < products.length ? value(products[i]) : none);
  const first = products.map(({ u }) => u).reduce((a, b) => b.byteOffset < a.byteOffset ? b : a);
  device.dispatch(
    NORM_PRODUCTS,
    Math.ceil(rows / ROWS) * parts,
    [
      y,
      first,
      x,
      weight,
      ...each<Span | null>(
        ({ a: { buffer, byteOffset }, n }) => ({ buffer, byteOffset, byteLength: n * width * 4 }),
        null,
      ),
      bias,
    ],
    [
      rows,
      width,
      parts,
      part,
      ...each(({ n }) => n, 0),
      ...each(({ u }) => (u.byteOffset - first.byteOffset) / 4, 0),
    ],
    [eps],
  );
}
