import type { Device, Span } from "../../lib/device/device.ts";
import { elementGroups, wgsl } from "../wgsl.ts";
import code from "./relative_bias.wgsl" with { type: "text" };

const shader = wgsl("relative_bias", code);
const FORWARD = shader("relative_bias", 1);
const BACKWARD = shader("relative_bias_backward", 1);

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
  const spans = [table, weight, buckets];
  if (device.kind === "webgpu") {
    device.dispatch(FORWARD, elementGroups(heads * distances), spans, [heads, distances]);
  } else device.run("relative_bias", 1, spans, [heads, distances]);
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
  if (device.kind === "webgpu") {
    const spans = [dWeight, dTable, buckets];
    device.dispatch(BACKWARD, elementGroups(heads * distances), spans, [heads, distances]);
  } else {
    device.run("relative_bias_backward", 1, [dTable, dWeight, buckets], [heads, distances]);
  }
}
