import { EmbeddingArgs, EmbeddingBackwardArgs } from "./args.wasm";
import { addRow, loadBf16, loadBf16Scalar } from "../simd.wasm";

/** out[i, :] = table[ids[i], :] (+ out[i, :]); a task gathers `perTask` rows. */
export function embedding(args: EmbeddingArgs, task: i32, scratch: usize): void {
  const out = args.out;
  const table = args.table;
  const ids = args.ids;
  const count = args.count;
  const rows = args.rows;
  const width = args.width;
  const perTask = args.perTask;
  const bf16 = args.bf16;
  const accumulate = args.accumulate;
  const begin = task * perTask;
  const end = min(begin + perTask, count);
  for (let i = begin; i < end; i++) {
    const id = load<i32>(ids + (<usize>i << 2));
    const to = out + <usize>i * (<usize>width << 2);
    if (<u32>id >= <u32>rows) {
      if (!accumulate) memory.fill(to, 0, <usize>width << 2);
    } else if (bf16) {
      copyBf16(to, table + <usize>id * (<usize>width << 1), width, accumulate);
    } else {
      const from = table + <usize>id * (<usize>width << 2);
      if (accumulate) addRow(to, from, width);
      else memory.copy(to, from, <usize>width << 2);
    }
  }
}

/** dTable[ids[i], :] += dOut[i, :]; a task owns `perTask` columns and walks the rows in order. */
export function embedding_backward(args: EmbeddingBackwardArgs, task: i32, scratch: usize): void {
  const dTable = args.dTable;
  const dOut = args.dOut;
  const ids = args.ids;
  const count = args.count;
  const rows = args.rows;
  const width = args.width;
  const perTask = args.perTask;
  const column = task * perTask;
  const columns = min(perTask, width - column);
  const rowBytes = <usize>width << 2;
  const offset = <usize>column << 2;
  for (let i = 0; i < count; i++) {
    const id = load<i32>(ids + (<usize>i << 2));
    if (<u32>id >= <u32>rows) continue;
    addRow(dTable + <usize>id * rowBytes + offset, dOut + <usize>i * rowBytes + offset, columns);
  }
}

/** to[:] = from[:] (+ to[:]), `from` in bf16 */
function copyBf16(to: usize, from: usize, width: i32, accumulate: i32): void {
  let c = 0;
  for (; c + 4 <= width; c += 4) {
    let row = loadBf16(from + (<usize>c << 1));
    const at = to + (<usize>c << 2);
    if (accumulate) row = f32x4.add(v128.load(at), row);
    v128.store(at, row);
  }
  for (; c < width; c++) {
    let value = loadBf16Scalar(from + (<usize>c << 1));
    const at = to + (<usize>c << 2);
    if (accumulate) value += load<f32>(at);
    store<f32>(at, value);
  }
}
