import type { Span } from "../../lib/device/device.ts";

/** A frozen weight W[rows, columns] of the WASM device, stored as panels of 16 rows: see panels.ts. */
export interface Panels {
  readonly span: Span;
  readonly dtype: "f32" | "bf16";
}

/** The right-hand matrix B[K, N] of a product. */
export type RightMatrix =
  /** B = Wᵀ with W[N, K] in panels: a linear layer's forward pass. */
  | { readonly kind: "panels"; readonly panels: Panels }
  /** B = W with W[K, N] in panels: its backward pass. */
  | { readonly kind: "transposedPanels"; readonly panels: Panels }
  /** B(k, n) = alpha * span[k * kStride + n * nStride]; `dtype` (default f32) bf16 only on a GPU. */
  | {
    readonly kind: "strided";
    readonly span: Span;
    readonly kStride: number;
    readonly nStride: number;
    readonly alpha?: number;
    readonly dtype?: "f32" | "bf16";
  };

/** A product: C[M, N] (+)= A[M, K] B[K, N], with what is added to it. Strides in elements. */
export interface Matmul {
  readonly c: Span;
  readonly a: Span;
  readonly b: RightMatrix;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Elements from row to row of C. Default n. */
  readonly cRowStride?: number;
  /** Elements from row to row of A. Default k. */
  readonly aRowStride?: number;
  /** Elements from column to column of A. Default 1; another is for a transposed A. */
  readonly aColumnStride?: number;
  /** Adds to C instead of overwriting it. */
  readonly accumulate?: boolean;
  /** [N], added to each row. */
  readonly bias?: Span | null;
  /** [M, N], added; may be C itself. */
  readonly residual?: Span | null;
  /** Elements from row to row of the residual, on a GPU. Default n. */
  readonly residualRowStride?: number;
  /** A second product A2[M, k] B2[k, N] summed after the first: LoRA as a longer K. */
  readonly extension?: { readonly a: Span; readonly b: RightMatrix; readonly k: number } | null;
}

/** Bytes of an element. */
export const ELEMENT_BYTES = { f32: 4, bf16: 2 };

/** The span that begins so many elements later. */
export function moved(span: Span, elements: number, dtype: "f32" | "bf16" = "f32"): Span {
  return { buffer: span.buffer, byteOffset: span.byteOffset + elements * ELEMENT_BYTES[dtype] };
}
