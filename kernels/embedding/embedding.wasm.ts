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
  const panels = args.panels;
  const accumulate = args.accumulate;
  const begin = task * perTask;
  const end = min(begin + perTask, count);
  for (let i = begin; i < end; i++) {
    const id = load<i32>(ids + (<usize>i << 2));
    const to = out + <usize>i * (<usize>width << 2);
    if (<u32>id >= <u32>rows) {
      if (!accumulate) memory.fill(to, 0, <usize>width << 2);
    } else if (panels) {
      copyPanelRow(to, table, id, width, bf16, accumulate);
    } else if (bf16) {
      copyBf16(to, table + <usize>id * (<usize>width << 1), width, accumulate);
    } else {
      const from = table + <usize>id * (<usize>width << 2);
      if (accumulate) addRow(to, from, width);
      else memory.copy(to, from, <usize>width << 2);
    }
  }
}

/** to[:] = row `id` (+ to[:]) of what `pack_panels` (../matmul/matmul.wasm.ts) has packed */
function copyPanelRow(to: usize, table: usize, id: i32, width: i32, bf16: i32, accumulate: i32): void {
  const place = <usize>(id & 15);
  const panel = <usize>(id >> 4) * <usize>width;
  for (let c: usize = 0; c < <usize>width; c++) {
    let value: f32;
    if (bf16) {
      const word = load<u32>(table + ((panel + c) << 5) + ((place & 7) << 2));
      value = reinterpret<f32>(place < 8 ? word << 16 : word & 0xffff0000);
    } else value = load<f32>(table + ((panel + c) << 6) + (place << 2));
    const at = to + (c << 2);
    store<f32>(at, accumulate ? load<f32>(at) + value : value);
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
  const padding = args.padding;
  const perTask = args.perTask;
  const column = task * perTask;
  const columns = min(perTask, width - column);
  const rowBytes = <usize>width << 2;
  const offset = <usize>column << 2;
  for (let i = 0; i < count; i++) {
    const id = load<i32>(ids + (<usize>i << 2));
    if (<u32>id >= <u32>rows || id == padding) continue;
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
