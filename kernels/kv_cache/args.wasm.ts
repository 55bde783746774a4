// Generated from signatures.ts by deno task build:kernels: change that.

/** Arguments of kv_cache_append. */
@unmanaged
export class KvCacheAppendArgs {
  cacheK: usize;
  cacheV: usize;
  k: usize;
  v: usize;
  rows: usize;
  count: i32;
  width: i32;
  stride: i32;
}
