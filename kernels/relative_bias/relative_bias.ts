import type { Device, Span } from "../../lib/device/device.ts";
import { elementGroups, wgsl } from "../wgsl.ts";
import code from "./relative_bias.wgsl" with { type: "text" };
import backwardCode from "./relative_bias_backward.wgsl" with { type: "text" };
import { RELATIVE_BIAS, RELATIVE_BIAS_BACKWARD } from "./signatures.ts";

const forwardShader = wgsl(RELATIVE_BIAS, "relative_bias/relative_bias.wgsl", code)();
const backwardShader = wgsl(
  RELATIVE_BIAS_BACKWARD,
  "relative_bias/relative_bias_backward.wgsl",
  backwardCode,
)();

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
  const args = { table, weight, buckets, heads, distances };
  if (device.kind === "webgpu") {
    device.dispatch(forwardShader, elementGroups(heads * distances), args);
  } else device.run(RELATIVE_BIAS, 1, args);
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
  const args = { dWeight, dTable, buckets, heads, distances };
  if (device.kind === "webgpu") {
    device.dispatch(backwardShader, elementGroups(heads * distances), args);
  } else device.run(RELATIVE_BIAS_BACKWARD, 1, args);
}
