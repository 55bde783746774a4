import { KvCacheAppendArgs } from "./args.wasm";

/** cache[rows[i], :] = x[i, :] for every i, of keys and of values; one task. */
export function kv_cache_append(args: KvCacheAppendArgs, task: i32, scratch: usize): void {
  const rows = args.rows;
  const count = args.count;
  const bytes = <usize> args.width << 2;
  append(args.cacheK, args.k, rows, count, bytes);
  append(args.cacheV, args.v, rows, count, bytes);
}

function append(cache: usize, x: usize, rows: usize, count: i32, bytes: usize): void {
  for (let i: usize = 0; i < <usize> count; i++) {
    memory.copy(cache + <usize> load<u32>(rows + (i << 2)) * bytes, x + i * bytes, bytes);
  }
}
