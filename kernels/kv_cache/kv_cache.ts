import type { Device, Span } from "../../lib/device/device.ts";
import { elementGroups, wgsl } from "../wgsl.ts";
import code from "./kv_cache.wgsl" with { type: "text" };

const APPEND = wgsl("kv_cache", code)("kv_cache_append", 1);

/**
 * Puts one new key (or value) per sequence into a cache: cache[rows[i], :] = x[i, :].
 *
 * @param cache f32 [·, width]
 * @param x f32 [count, width]
 * @param rows i32 [count], distinct
 */
export function appendToCache(
  device: Device,
  cache: Span,
  x: Span,
  rows: Span,
  count: number,
  width: number,
): void {
  const spans = [cache, x, rows];
  if (device.kind === "webgpu") {
    device.dispatch(APPEND, elementGroups(count * width), spans, [count, width]);
  } else device.run("kv_cache_append", 1, spans, [count, width]);
}
