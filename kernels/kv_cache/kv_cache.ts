import type { Device, Span } from "../../lib/device/device.ts";
import { elementGroups, wgsl } from "../wgsl.ts";
import code from "./kv_cache.wgsl" with { type: "text" };
import { KV_CACHE_APPEND } from "./signatures.ts";

const appendShader = wgsl(KV_CACHE_APPEND, "kv_cache/kv_cache.wgsl", code)();

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
 * @param stride elements between the rows of x, where these are columns of others
 */
export function appendToCache(
  device: Device,
  cache: KeyValueSpans,
  x: KeyValueSpans,
  rows: Span,
  count: number,
  width: number,
  stride: number = width,
): void {
  const args = { cacheK: cache.k, cacheV: cache.v, k: x.k, v: x.v, rows, count, width, stride };
  if (device.kind === "webgpu") device.dispatch(appendShader, elementGroups(count * width), args);
  else device.run(KV_CACHE_APPEND, 1, args);
}
