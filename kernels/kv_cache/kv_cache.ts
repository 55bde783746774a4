import type { Device, Span } from "../../lib/device/device.ts";
import { elementGroups, wgsl } from "../wgsl.ts";
import code from "./kv_cache.wgsl" with { type: "text" };

const APPEND = wgsl("kv_cache", code)("kv_cache_append", 2);

/** Keys and values, laid out alike. */
export interface KeyValueSpans {
  readonly k: Span;
  readonly v: Span;
}

/**
 * Puts a new key and a new value of each sequence into a cache: cache[rows[i], :] = x[i, :].
 *
 * @param cache f32 [·, width] each
 * @param x f32 [count, width] each
 * @param rows i32 [count], distinct
 */
export function appendToCache(
  device: Device,
  cache: KeyValueSpans,
  x: KeyValueSpans,
  rows: Span,
  count: number,
  width: number,
): void {
  const spans = [cache.k, cache.v, x.k, x.v, rows];
  const ints = [count, width];
  if (device.kind === "webgpu") device.dispatch(APPEND, elementGroups(count * width), spans, ints);
  else device.run("kv_cache_append", 1, spans, ints);
}
