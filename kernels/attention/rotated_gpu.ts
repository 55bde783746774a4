import type { Device, GpuDevice, Span } from "../../lib/device/device.ts";
import { wgsl } from "../wgsl.ts";
import decodeCode from "./attention_decode.wgsl" with { type: "text" };
import {
  byColumns,
  decodeColumns,
  MAX_DECODE_COLUMNS,
  readsFours,
  shapeArguments,
} from "./attention_gpu.ts";
import { type Attention, type AttentionPrefix, checkShape } from "./operands.ts";
import prefixedKeys from "./prefixed_keys.wgsl" with { type: "text" };
import { quadReaders } from "./quads.ts";
import rotatedHeads from "./rotated_heads.wgsl" with { type: "text" };
import { ATTENTION_ROTATED } from "./signatures.ts";
import softmax from "./softmax.wgsl" with { type: "text" };
import tiles from "./tiles.wgsl" with { type: "text" };

const readers =
  quadReaders({ prefix_k: "prefix_k", prefix_v: "prefix_v", k: "kept", v: "kept" }, true) +
  quadReaders({ q: "raw" }, false);
const decode = wgsl(ATTENTION_ROTATED, "attention/attention_decode.wgsl", decodeCode, {
  shared: tiles + readers + softmax + prefixedKeys + rotatedHeads,
  elements: { kept: "vec4f", prefixK: "vec4f", prefixV: "vec4f" },
});
const shaders = byColumns(decode);

/** Queries and new keys that are yet to be rotated: see `rotary` in ../rotary/rotary.ts. */
export interface UnrotatedHeads {
  /** f32 [sequences, keyHeads · headSize], in one block with the queries. */
  readonly newK: Span;
  /** f32 [positions, headSize]: headSize / 2 cosines, then as many sines. */
  readonly table: Span;
  /** i32 [sequences], rows of the table. */
  readonly positions: Span;
  /** Norms of each head before the rotation, weights f32 [headSize] in one block; null for none. */
  readonly norms: {
    readonly q: Span;
    readonly k: Span;
    readonly eps: number;
    readonly weightOffset: number;
  } | null;
}

/** A decoding step's attention with a prefix; each sequence's last own key is its query's. */
export type RotatedAttention = Attention & { readonly prefix: AttentionPrefix };

/** Tells attentions that {@linkcode attentionRotated} can compute on this device. */
export function rotatesInAttention(
  device: Device,
  p: Attention,
  { newK, positions, norms }: UnrotatedHeads,
): p is RotatedAttention {
  const { queries, keys, prefix } = p;
  if (device.kind !== "webgpu" || !prefix || p.bias || queries.maxLength !== 1) return false;
  const tables = [queries, keys, prefix.rows].flatMap(({ starts, lengths }) => [starts, lengths]);
  return p.headSize <= MAX_DECODE_COLUMNS && readsFours(p) &&
    device.bindsTogether([...tables, positions]) &&
    device.bindsTogether([p.k, p.v]) &&
    device.bindsTogether([p.q, newK]) &&
    device.bindsTogether([norms?.q ?? null, norms?.k ?? null]);
}

/**
 * `rotary` and `attention` of a decoding step in one dispatch: norms and rotates the queries and the new
 * keys, puts these into the cache, `k`, as each sequence's last own key, and attends. The result and the
 * cache are the same, bit for bit.
 *
 * @param o f32 [sequences, heads · headSize]
 * @throws {UserError} when a sequence is too long
 */
export function attentionRotated(
  device: GpuDevice,
  p: RotatedAttention,
  { newK, table, positions, norms }: UnrotatedHeads,
  o: Span,
): void {
  checkShape(p);
  const { q, k, v, queries, keys, prefix, heads, headSize, scale } = p;
  const items = p.sequences * heads;
  device.dispatch(shaders.get(decodeColumns(headSize))!, items, {
    o,
    k,
    v,
    q,
    newK,
    prefixK: prefix.k,
    prefixV: prefix.v,
    queryStarts: queries.starts,
    queryLengths: queries.lengths,
    keyStarts: keys.starts,
    keyLengths: keys.lengths,
    prefixStarts: prefix.rows.starts,
    prefixLengths: prefix.rows.lengths,
    positions,
    angles: table,
    qWeight: norms?.q ?? null,
    kWeight: norms?.k ?? null,
    ...shapeArguments(p),
    items,
    blocks: 1,
    parts: 1,
    prefixKStride: prefix.kStride,
    prefixVStride: prefix.vStride,
    scale,
    eps: norms?.eps ?? 0,
    weightOffset: norms?.weightOffset ?? 0,
  });
}
