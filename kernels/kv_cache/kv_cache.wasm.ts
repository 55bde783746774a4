import { int, span } from "../abi.wasm";

/** cache[rows[i], :] = x[i, :] for every i, of keys and of values; one task. */
export function kv_cache_append(args: usize, task: i32, scratch: usize): void {
  const rows = span(args, 4);
  const count = int(args, 5);
  const bytes = <usize> int(args, 6) << 2;
  append(span(args, 0), span(args, 2), rows, count, bytes);
  append(span(args, 1), span(args, 3), rows, count, bytes);
}

function append(cache: usize, x: usize, rows: usize, count: i32, bytes: usize): void {
  for (let i: usize = 0; i < <usize> count; i++) {
    memory.copy(cache + <usize> load<u32>(rows + (i << 2)) * bytes, x + i * bytes, bytes);
  }
}
