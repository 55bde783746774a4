import { KvCacheAppendArgs } from "./args.wasm";

/** cache[rows[i], :] = x[i, :] for every i, of keys and of values; one task. */
export function kv_cache_append(args: KvCacheAppendArgs, task: i32, scratch: usize): void {
  const rows = args.rows;
  const count = args.count;
  const bytes = <usize> args.width << 2;
  const strideBytes = <usize> args.stride << 2;
  append(args.cacheK, args.k, rows, count, bytes, strideBytes);
  append(args.cacheV, args.v, rows, count, bytes, strideBytes);
}

function append(
  cache: usize,
  x: usize,
  rows: usize,
  count: i32,
  bytes: usize,
  strideBytes: usize,
): void {
  for (let i: usize = 0; i < <usize> count; i++) {
    memory.copy(cache + <usize> load<u32>(rows + (i << 2)) * bytes, x + i * strideBytes, bytes);
  }
}
