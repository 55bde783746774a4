import { int, span } from "../abi.wasm";

/** cache[rows[i], :] = x[i, :] for every i; one task. */
export function kv_cache_append(args: usize, task: i32, scratch: usize): void {
  const cache = span(args, 0);
  const x = span(args, 1);
  const rows = span(args, 2);
  const count = int(args, 3);
  const bytes = <usize> int(args, 4) << 2;
  for (let i: usize = 0; i < <usize> count; i++) {
    memory.copy(cache + <usize> load<u32>(rows + (i << 2)) * bytes, x + i * bytes, bytes);
  }
}
