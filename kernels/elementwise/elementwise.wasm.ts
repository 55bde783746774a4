import { float, int, span } from "../abi.wasm";

/** Elements per task; mirrored in elementwise.ts. */
const BLOCK: i32 = 16384;

/** x[i] = value */
export function fill(args: usize, task: i32, scratch: usize): void {
  const x = span(args, 0);
  const length = int(args, 1);
  const value = float(args, 2);
  const begin = task * BLOCK;
  const end = min(begin + BLOCK, length);
  for (let i = begin; i < end; i++) store<f32>(x + (<usize> i << 2), value);
}
