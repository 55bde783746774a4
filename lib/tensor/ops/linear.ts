import { fill } from "../../../kernels/elementwise/elementwise.ts";
import { dropout, type DropoutOptions } from "../../../kernels/dropout/dropout.ts";
import { matmul } from "../../../kernels/matmul/matmul.ts";
import type { RightMatrix } from "../../../kernels/matmul/product.ts";
import type { Context, GradientSlot } from "../context.ts";
import type { Tensor } from "../tensor.ts";
import type { WeightMatrix } from "../weight.ts";
import { addGradient } from "./elementwise.ts";

/** The low-rank update of one linear layer (Hu et al. 2021): scale · (x Aᵀ) Bᵀ. */
export interface LoraWeights {
  /** lora_A, [r, in]. */
  readonly a: Tensor;
  /** lora_B, [out, r]. */
  readonly b: Tensor;
  /** lora_alpha / r. */
  readonly scale: number;
  /** Probability of dropout on the update's input; only in a context with dropout on. */
  readonly dropout: number;
}

/** Terms that a linear layer may add to its product. */
export interface LinearOptions {
  /** [out], added to each row. */
  bias?: Tensor | null;
  /** [M, out], added. */
  residual?: Tensor | null;
  lora?: LoraWeights | null;
  /** [M, out], which the result is written to. Default: a new tensor. */
  into?: Tensor;
}

/** y[M, out] = x[M, in] Wᵀ + scale · (dropout(x) Aᵀ) Bᵀ + bias + residual, as PEFT computes it. */
export function linear(
  cx: Context,
  x: Tensor,
  weight: WeightMatrix,
  { bias = null, residual = null, lora = null, into }: LinearOptions = {},
): Tensor {
  const { device } = cx;
  const [m, n, k] = [x.rows, weight.rows, weight.columns];
  if (x.width !== k) throw new RangeError(`linear: x is [${m}, ${x.width}], W is [${n}, ${k}]`);
  const y = into ?? cx.empty([m, n]);
  const update = lora ? lowRankInput(cx, x, lora) : null;
  matmul(device, {
    c: y,
    a: x,
    b: weight.forward(),
    m,
    n,
    k,
    bias,
    residual,
    extension: lora && update
      ? { a: update.u, b: columns(lora.b, lora.scale), k: lora.a.rows }
      : null,
  });
  // A frozen weight alone does not want to know what it multiplied.
  const saved = [weight.values && x, ...(update ? [update.u, update.input] : [])];
  cx.record(y, [x, weight.values, bias, residual, lora?.a ?? null], saved, (dy) => {
    if (lora && update) lowRankBackward(cx, x, dy, lora, update, weight);
    else inputGradient(cx, x, dy, weight);
    if (weight.values) {
      const slot = cx.gradient(weight.values);
      if (slot && weight.isTransposed) transposedProduct(cx, slot, x, dy, 1);
      else if (slot) transposedProduct(cx, slot, dy, x, 1);
    }
    if (residual) addGradient(cx, residual, dy);
    if (bias) {
      const slot = cx.gradient(bias);
      if (slot) columnSums(cx, slot.into, dy, slot.accumulate);
    }
  });
  if (update && !cx.grad) {
    cx.free(update.u);
    if (update.input !== x) cx.free(update.input);
  }
  return y;
}

interface LowRankInput {
  /** Mask of the dropout before A; null where there was none. */
  mask: DropoutOptions | null;
  /** Input of A: x, or x after dropout. */
  input: Tensor;
  /** input Aᵀ, [M, r]. */
  u: Tensor;
}

function lowRankInput(cx: Context, x: Tensor, lora: LoraWeights): LowRankInput {
  const mask = cx.dropoutSeed !== null && lora.dropout > 0 ? cx.nextDropout(lora.dropout) : null;
  let input = x;
  if (mask) {
    input = cx.empty([x.rows, x.width]);
    dropout(cx.device, input, x, x.length, mask);
  }
  const u = cx.empty([x.rows, lora.a.rows]);
  const [m, n, k] = [x.rows, lora.a.rows, x.width];
  matmul(cx.device, { c: u, a: input, b: columns(lora.a), m, n, k });
  return { input, u, mask };
}

/** Gradients of x, A and B. */
function lowRankBackward(
  cx: Context,
  x: Tensor,
  dy: Tensor,
  lora: LoraWeights,
  { input, u, mask }: LowRankInput,
  weight: WeightMatrix,
): void {
  const { device } = cx;
  const [m, r] = [x.rows, lora.a.rows];
  const du = cx.empty([m, r]);
  const b = rows(lora.b, lora.scale);
  matmul(device, { c: du, a: dy, b, m, n: r, k: weight.rows });
  if (mask) {
    const slot = inputGradient(cx, x, dy, weight);
    if (slot) {
      const dInput = cx.empty([m, x.width]);
      matmul(device, { c: dInput, a: du, b: rows(lora.a), m, n: x.width, k: r });
      dropout(device, slot, dInput, x.length, mask, true);
      cx.free(dInput);
    }
  } else inputGradient(cx, x, dy, weight, { a: du, b: rows(lora.a), k: r });
  const dA = cx.gradient(lora.a);
  const dB = cx.gradient(lora.b);
  if (dB) transposedProduct(cx, dB, dy, u, lora.scale);
  if (dA) transposedProduct(cx, dA, du, input, 1);
  cx.free(du);
}

/** dx (+)= dy W (+ extension); null when x wants no gradient. */
function inputGradient(
  cx: Context,
  x: Tensor,
  dy: Tensor,
  weight: WeightMatrix,
  extension: { a: Tensor; b: RightMatrix; k: number } | null = null,
): Tensor | null {
  const slot = cx.gradient(x);
  if (!slot) return null;
  const { into: c, accumulate } = slot;
  const [m, n, k] = [x.rows, weight.columns, weight.rows];
  matmul(cx.device, { c, a: dy, b: weight.backward(), m, n, k, accumulate, extension });
  return c;
}

/** into[P, Q] (+)= alpha · aᵀ b with a[M, P] and b[M, Q]: a weight's gradient. */
function transposedProduct(
  cx: Context,
  { into, accumulate }: GradientSlot,
  a: Tensor,
  b: Tensor,
  alpha: number,
): void {
  matmul(cx.device, {
    c: into,
    a,
    aRowStride: 1,
    aColumnStride: a.width,
    b: rows(b, alpha),
    m: a.width,
    n: b.width,
    k: a.rows,
    accumulate,
  });
}

/** into[N] (+)= the sum of dy's rows, as a product with a row of ones. */
function columnSums(cx: Context, into: Tensor, dy: Tensor, accumulate: boolean): void {
  const ones = cx.empty([1, dy.rows]);
  fill(cx.device, ones, dy.rows, 1);
  const [n, k] = [dy.width, dy.rows];
  matmul(cx.device, { c: into, a: ones, b: rows(dy), m: 1, n, k, accumulate });
  cx.free(ones);
}

/** A row-major X[K, N] as right-hand matrix, scaled. */
function rows(x: Tensor, alpha = 1): RightMatrix {
  return { kind: "strided", span: x, kStride: x.width, nStride: 1, alpha };
}

/** The transpose of a row-major X[N, K] as right-hand matrix, scaled. */
export function columns(x: Tensor, alpha = 1): RightMatrix {
  return { kind: "strided", span: x, kStride: 1, nStride: x.width, alpha };
}
