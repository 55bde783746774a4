import type { Device, Span } from "../../lib/device/device.ts";

/**
 * Expands T5's bias of each bucket of distances to one of each distance:
 * table[head][i] = weight[buckets[i]][head].
 *
 * @param table f32 [heads, distances]
 * @param weight f32 [buckets, heads]
 * @param buckets i32 [distances]
 */
export function relativeBias(
  device: Device,
  table: Span,
  weight: Span,
  buckets: Span,
  heads: number,
  distances: number,
): void {
  device.run("relative_bias", 1, [table, weight, buckets], [heads, distances]);
}

/** Adds to dWeight [buckets, heads] what the gradient of the table [heads, distances] makes of it. */
export function relativeBiasBackward(
  device: Device,
  dTable: Span,
  dWeight: Span,
  buckets: Span,
  heads: number,
  distances: number,
): void {
  device.run("relative_bias_backward", 1, [dTable, dWeight, buckets], [heads, distances]);
}
