import { signature } from "../../lib/device/signature.ts";

/** cache[rows[i], :] = x[i, :] for every i, of keys and of values; x f32 [count, stride ≥ width]. */
export const KV_CACHE_APPEND = signature({
  name: "kv_cache_append",
  outputs: { cacheK: "f32", cacheV: "f32" },
  inputs: { k: "f32", v: "f32", rows: "u32" },
  ints: ["count", "width", "stride"],
});
