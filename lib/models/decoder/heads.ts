import { appendToCache } from "../../../kernels/kv_cache/kv_cache.ts";
import type { LoraAdapter } from "../../nn/lora.ts";
import type { Context } from "../../tensor/context.ts";
import type { Columns } from "../../tensor/ops/attention.ts";
import {
  type CacheSlots,
  projectHeads,
  projectKeys,
  projectNormed,
} from "../../tensor/ops/projections.ts";
import type { Rotary } from "../../tensor/ops/rotary.ts";
import { BYTES, type Tensor } from "../../tensor/tensor.ts";
import type { KeptKeys } from "./prompts.ts";
import { adapted, type DecoderLayer } from "./weights.ts";

/** Input of a layer's attention. */
export interface LayerHeads {
  readonly q: Tensor | Columns;
  readonly k: Tensor | Columns;
  readonly v: Tensor | Columns;
  /** New keys that the attention has to rotate, as the queries, and to put into the slots. */
  readonly unrotated?: Tensor | null;
}

/** Queries, keys and values of norm(h); with slots, keys and values are all of the cache's. */
export function layerHeads(
  cx: Context,
  h: Tensor,
  { attentionNorm, heads, headNorms }: DecoderLayer,
  angles: Rotary | null,
  slots: CacheSlots | null,
  adapter: LoraAdapter | null,
): LayerHeads {
  if (heads.kind === "fused") {
    const qkv = projectNormed(cx, h, attentionNorm, adapted(heads.qkv, adapter));
    return slots ? appendFused(cx, qkv, slots) : fusedHeads(qkv);
  }
  const layers = {
    q: adapted(heads.q, adapter),
    k: adapted(heads.k, adapter),
    v: adapted(heads.v, adapter),
  };
  const rotary = angles && { ...angles, norms: headNorms };
  return projectHeads(cx, h, attentionNorm, layers, slots, rotary, { leavesRotation: true });
}

/**
 * Keys and values of norm(h) alone, for the last layer of a prompt: nothing reads what it would add to
 * the hidden states.
 */
export function layerKeys(
  cx: Context,
  h: Tensor,
  { attentionNorm, heads, headNorms }: DecoderLayer,
  angles: Rotary | null,
  adapter: LoraAdapter | null,
): KeptKeys {
  if (heads.kind === "fused") {
    return [projectNormed(cx, h, attentionNorm, adapted(heads.qkv, adapter))];
  }
  const layers = { k: adapted(heads.k, adapter), v: adapted(heads.v, adapter) };
  const { k, v } = projectKeys(
    cx,
    h,
    attentionNorm,
    layers,
    angles && { ...angles, norms: headNorms },
  );
  return [k, v];
}

/** Tensors that hold the keys and values of what a layer has read. */
export function keptKeys({ k, v }: LayerHeads): KeptKeys {
  const [keys, values] = [k, v].map((part) => "tensor" in part ? part.tensor : part);
  return keys === values ? [keys] : [keys, values];
}

/** Keys and values as the attention takes them. */
export function seenKeys(kept: KeptKeys): Omit<LayerHeads, "q"> {
  return kept.length === 2 ? { k: kept[0], v: kept[1] } : fusedHeads(kept[0]);
}

/** Queries, keys and values that are columns of one tensor, as many of each. */
function fusedHeads(tensor: Tensor): Record<"q" | "k" | "v", Columns> {
  const count = tensor.width / 3;
  const columns = (first: number): Columns => ({ tensor, first, count });
  return { q: columns(0), k: columns(count), v: columns(2 * count) };
}

/** Writes keys and values into a cache. */
function appendFused(cx: Context, qkv: Tensor, slots: CacheSlots): LayerHeads {
  const { q, k, v } = fusedHeads(qkv);
  const { buffer, byteOffset } = qkv;
  const span = ({ first }: Columns) => ({ buffer, byteOffset: byteOffset + first * BYTES.f32 });
  const added = { k: span(k), v: span(v) };
  appendToCache(cx.device, slots, added, slots.rows, qkv.rows, q.count, qkv.width);
  return { q, k: slots.k, v: slots.v };
}
