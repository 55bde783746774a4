/**
 * A norm and the linear layers behind it. Where nothing is differentiated or dropped, in as few
 * launches as the device has kernels for: single steps of decoding consist of little else. Results
 * are those of `applyNorm`, `linear`, `rotary` and `activation` one after another, bit for bit.
 */
import type { ActivationKind } from "../../../kernels/activation/activation.ts";
import { appendToCache } from "../../../kernels/kv_cache/kv_cache.ts";
import { matmul } from "../../../kernels/matmul/matmul.ts";
import {
  fusesProducts,
  matmulSeveral,
  type SeveralProduct,
} from "../../../kernels/matmul/matmul_several.ts";
import {
  fusesNormProducts,
  normProducts,
  type RowNorm,
} from "../../../kernels/norm_products/norm_products.ts";
import type { RowsShape } from "../../../kernels/split.ts";
import type { GpuDevice } from "../../device/device.ts";
import type { Context } from "../context.ts";
import type { Tensor } from "../tensor.ts";
import type { WeightMatrix } from "../weight.ts";
import { activation, gatedActivation } from "./activation.ts";
import { columns, linear, type LoraWeights } from "./linear.ts";
import { applyNorm, type Norm } from "./norm.ts";
import { type Rotary, rotary as rotate } from "./rotary.ts";

/** A linear layer and the update of it. */
export interface Projection {
  readonly weight: WeightMatrix;
  /** [out]. Default null: none. */
  readonly bias?: Tensor | null;
  readonly lora: LoraWeights | null;
}

/** Places for the keys and values of new tokens. */
export interface CacheSlots {
  /** [·, width of the keys] */
  readonly k: Tensor;
  /** [·, width of the values] */
  readonly v: Tensor;
  /** i32 [M], distinct rows of both. */
  readonly rows: Tensor;
}

/** Inputs of an attention, whose queries and new keys it may have to rotate. */
export interface Heads {
  /** [M, width of the queries] */
  readonly q: Tensor;
  /** [M, width of the keys], or with slots, all of the cache's keys. */
  readonly k: Tensor;
  /** Values, laid out as `k`. */
  readonly v: Tensor;
  /** New keys that are yet to be rotated, as `q` is, and put into the slots. Default null: none. */
  readonly unrotated?: Tensor | null;
}

/**
 * Queries, keys and values of norm(h), [M, width].
 *
 * @param slots places to write keys and values to, which is not differentiable; null for new tensors
 * @param rotary positions of queries and keys; null for none
 * @param options `leavesRotation`: with slots, may leave the rotation to the attention, see `unrotated`
 */
export function projectHeads(
  cx: Context,
  h: Tensor,
  norm: Norm,
  { q, k, v }: Record<"q" | "k" | "v", Projection>,
  slots: CacheSlots | null,
  rotary: Rotary | null = null,
  { leavesRotation = false }: { leavesRotation?: boolean } = {},
): Heads {
  const gpu = fusing(cx, h, [q, k, v]);
  // Keys that are rotated are placed by that.
  const keySlots = rotary ? null : slots;
  if (gpu && (!keySlots || gpu.bindsTogether([keySlots.k, keySlots.v]))) {
    const { x, us } = normLowRank(cx, gpu, h, norm, [q, k, v]);
    // In one block, what is read next, and in another, what may be kept.
    const own = (layers: Projection[]) =>
      cx.emptyTogether(layers.map(({ weight }) => [h.rows, weight.rows]));
    const [queries, unrotated] = own(rotary ? [q, k] : [q]);
    const kept = slots ? [slots.k, slots.v] : own(rotary ? [v] : [k, v]);
    const heads = { q: queries, k: unrotated ?? kept[0], v: kept.at(-1)! };
    const products = [
      product(q, us[0], heads.q),
      { ...product(k, us[1], heads.k), placed: rotary === null },
      { ...product(v, us[2], heads.v), placed: true },
    ];
    multiply(gpu, x, [q, k, v], { products, rows: slots?.rows ?? null });
    if (!rotary) return heads;
    if (slots && leavesRotation) return { q: queries, k: slots.k, v: slots.v, unrotated };
    return { ...rotate(cx, heads, rotary, slots), v: heads.v };
  }
  const x = applyNorm(cx, h, norm);
  // In one block, so that one launch rotates both.
  const [queries, keys] = rotary
    ? cx.emptyTogether([q, k].map(({ weight }) => [h.rows, weight.rows]))
    : [];
  const projected = {
    k: project(cx, x, k, keys),
    v: project(cx, x, v),
    q: project(cx, x, q, queries),
  };
  const heads = rotary ? { ...rotate(cx, projected, rotary), v: projected.v } : projected;
  if (!slots) return heads;
  appendToCache(cx.device, slots, heads, slots.rows, h.rows, heads.k.width);
  return { q: heads.q, k: slots.k, v: slots.v };
}

/** Keys and values of norm(h), as {@linkcode projectHeads} computes them. */
export function projectKeys(
  cx: Context,
  h: Tensor,
  norm: Norm,
  { k, v }: Record<"k" | "v", Projection>,
  rotary: Rotary | null = null,
): Omit<Heads, "q"> {
  const x = applyNorm(cx, h, norm);
  const projected = { q: null, k: project(cx, x, k), v: project(cx, x, v) };
  return { k: rotary ? rotate(cx, projected, rotary).k : projected.k, v: projected.v };
}

/** The projection of norm(h). */
export function projectNormed(cx: Context, h: Tensor, norm: Norm, layer: Projection): Tensor {
  const { weight, bias = null, lora } = layer;
  const gpu = lora && fusing(cx, h, [layer]);
  if (!gpu) return project(cx, applyNorm(cx, h, norm), layer);
  const { x, us } = normLowRank(cx, gpu, h, norm, [layer]);
  const [m, n, k] = [h.rows, weight.rows, weight.columns];
  const c = cx.empty([m, n]);
  const extension = { a: us[0]!, b: columns(lora.b, lora.scale), k: lora.a.rows };
  matmul(gpu, { c, a: x, b: weight.forward(), m, n, k, bias, extension });
  return c;
}

/** f(wi(norm(h))), with a gate f(wi(norm(h))) · gate(norm(h)). */
export function projectActivated(
  cx: Context,
  h: Tensor,
  norm: Norm,
  wi: Projection,
  gate: Projection | null,
  kind: ActivationKind,
): Tensor {
  const layers = gate ? [wi, gate] : [wi];
  const gpu = fusing(cx, h, layers);
  if (gpu) {
    const { x, us } = normLowRank(cx, gpu, h, norm, layers);
    const active = cx.empty([h.rows, wi.weight.rows]);
    const products = layers.map((layer, i) => product(layer, us[i], active));
    multiply(gpu, x, layers, { products, activation: kind, gated: gate !== null });
    return active;
  }
  const x = applyNorm(cx, h, norm);
  const [inner, gates] = layers.map((layer) => project(cx, x, layer));
  return gates ? gatedActivation(cx, inner, gates, kind) : activation(cx, inner, kind);
}

/**
 * norm(h), and norm(h) · w + b of a head with one output.
 *
 * @param head its weight, a trainable [1, width], and its bias [1]
 * @param values f32 [M], written: the head's output
 */
export function normWithHead(
  cx: Context,
  h: Tensor,
  norm: Norm,
  head: { weight: WeightMatrix; bias: Tensor },
  values: Tensor,
): Tensor {
  const { device } = cx;
  if (head.weight.values && fusesNormProducts(device, [head.weight.values])) {
    const x = cx.empty(h.shape);
    const product = { u: values, a: head.weight.values, n: 1 };
    normProducts(device, x, h, rowNorm(norm), shapeOf(h), [product], head.bias);
    return x;
  }
  const x = applyNorm(cx, h, norm);
  const { weight, bias } = head;
  matmul(device, { c: values, a: x, b: weight.forward(), m: h.rows, n: 1, k: h.width, bias });
  return x;
}

/** The device, if it has a kernel for these layers at once and the pass is one that may use it. */
function fusing(cx: Context, h: Tensor, layers: readonly Projection[]): GpuDevice | null {
  const { device } = cx;
  if (cx.differentiates || cx.dropoutSeed !== null) return null;
  if (layers.some(({ weight }) => !weight.rowMajor)) return null;
  const weights = layers.map(({ weight, bias = null, lora }) => (
    { w: weight.rowMajor!, n: weight.rows, dtype: dtypeOf(weight), bias, b: lora?.b ?? null }
  ));
  const fuses = fusesProducts(device, h.rows, h.width, weights) &&
    fusesNormProducts(device, layers.map(({ lora }) => lora?.a ?? null));
  return fuses ? device : null;
}

function dtypeOf(weight: WeightMatrix): "f32" | "bf16" {
  return weight.rowMajor?.dtype === "bf16" ? "bf16" : "f32";
}

/** A linear layer of x, in a new tensor unless there is one for it. */
function project(
  cx: Context,
  x: Tensor,
  { weight, bias, lora }: Projection,
  into?: Tensor,
): Tensor {
  return linear(cx, x, weight, { bias, lora, into });
}

/** x = norm(h), and u = x Aᵀ of those layers that have an adapter. */
function normLowRank(
  cx: Context,
  device: GpuDevice,
  h: Tensor,
  norm: Norm,
  layers: readonly Projection[],
): { x: Tensor; us: (Tensor | null)[] } {
  const adapted = layers.filter(({ lora }) => lora);
  if (adapted.length === 0) {
    return { x: applyNorm(cx, h, norm), us: layers.map(() => null) };
  }
  const ranks = layers.map(({ lora }) => lora?.a.rows ?? 0);
  const all = cx.empty([ranks.reduce((sum, rank) => sum + rank, 0) * h.rows, 1]);
  let first = 0;
  const us = ranks.map((rank) => {
    if (rank === 0) return null;
    const u = all.slice(first, rank * h.rows);
    first += rank * h.rows;
    return u;
  });
  const products = layers.flatMap(({ lora }, i) =>
    lora ? [{ u: us[i]!, a: lora.a, n: lora.a.rows }] : []
  );
  const x = cx.empty(h.shape);
  normProducts(device, x, h, rowNorm(norm), shapeOf(h), products);
  return { x, us };
}

function rowNorm(norm: Norm): RowNorm {
  const { weight, eps } = norm;
  if ("bias" in norm) return { weight, bias: norm.bias, eps, weightOffset: 0 };
  return { weight, bias: null, eps, weightOffset: norm.weightOffset ?? 0 };
}

function shapeOf({ rows, width }: Tensor): RowsShape {
  return { rows, width };
}

function product(
  { weight, bias, lora }: Projection,
  u: Tensor | null,
  c: Tensor,
): SeveralProduct {
  const lowRank = lora && u && { u, b: lora.b, rank: lora.a.rows, scale: lora.scale };
  return { c, w: weight.rowMajor!, n: weight.rows, bias, lowRank };
}

function multiply(
  device: GpuDevice,
  x: Tensor,
  layers: readonly Projection[],
  options: Omit<Parameters<typeof matmulSeveral>[1], "a" | "m" | "k" | "dtype">,
): void {
  const dtype = dtypeOf(layers[0].weight);
  matmulSeveral(device, { a: x, m: x.rows, k: x.width, dtype, ...options });
}
