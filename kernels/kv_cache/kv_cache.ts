import type { Device, Span } from "../../lib/device/device.ts";

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
  device.run("kv_cache_append", 1, [cache, x, rows], [count, width]);
}
