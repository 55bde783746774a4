import type { Binding, Device, GpuDevice, Span } from "../../lib/device/device.ts";
import { columnsPerTask, rowsPerTask } from "../split.ts";
import { elementGroups, wgsl } from "../wgsl.ts";
import code from "./embedding.wgsl" with { type: "text" };

const shader = wgsl("embedding", code);
const GATHER = {
  f32: shader("embedding", 1, { BF16: 0 }),
  bf16: shader("embedding", 1, { BF16: 1 }),
};
const SCATTER = shader("embedding_backward", 1);

/** Sizes of an embedding lookup. */
export interface EmbeddingShape {
  /** Rows to gather: the length of `ids`. */
  count: number;
  /** Rows of the table. */
  rows: number;
  /** Elements of a row. */
  width: number;
}

/**
 * Gathers rows: out[i, :] = table[ids[i], :]. The kernel cannot report an id outside the table, so
 * whoever makes the ids checks them; such an id counts as a row of zeros and reads nothing.
 *
 * @param out f32 [count, width]
 * @param table [rows, width], of type `dtype`
 * @param ids i32 [count]
 * @param options `accumulate`: add to what is in `out`
 */
export function embedding(
  device: Device,
  out: Span,
  table: Span,
  ids: Span,
  { count, rows, width }: EmbeddingShape,
  { dtype, accumulate }: { dtype: "f32" | "bf16"; accumulate: boolean },
): void {
  if (device.kind === "webgpu") {
    for (const piece of tablePieces(device, table, rows, width, dtype)) {
      const adds = accumulate || piece.first > 0;
      const ints = [count, piece.rows, width, Number(adds), piece.first];
      device.dispatch(GATHER[dtype], elementGroups(count * width), [out, piece.span, ids], ints);
    }
    return;
  }
  const perTask = rowsPerTask(width);
  device.run("embedding", Math.ceil(count / perTask), [out, table, ids], [
    count,
    rows,
    width,
    perTask,
    Number(dtype === "bf16"),
    Number(accumulate),
  ]);
}

/**
 * Scatters gradients: dTable[ids[i], :] += dOut[i, :], in the order of i. Ids outside the table are
 * passed over.
 *
 * @param dTable f32 [rows, width], added to
 * @param dOut f32 [count, width]
 * @param ids i32 [count]
 */
export function embeddingBackward(
  device: Device,
  dTable: Span,
  dOut: Span,
  ids: Span,
  { count, rows, width }: EmbeddingShape,
): void {
  if (device.kind === "webgpu") {
    for (const piece of tablePieces(device, dTable, rows, width, "f32")) {
      const ints = [count, piece.rows, width, piece.first];
      device.dispatch(SCATTER, count, [piece.span, dOut, ids], ints);
    }
    return;
  }
  const perTask = columnsPerTask(count);
  device.run("embedding_backward", Math.ceil(width / perTask), [dTable, dOut, ids], [
    count,
    rows,
    width,
    perTask,
  ]);
}

/** Rows of a table that the GPU can bind at once; mostly all. A piece takes the ids in its rows. */
function* tablePieces(
  device: GpuDevice,
  table: Span,
  rows: number,
  width: number,
  dtype: "f32" | "bf16",
): Generator<{ first: number; rows: number; span: Binding }> {
  const rowBytes = width * (dtype === "bf16" ? 2 : 4);
  // Even, so that a piece of bf16 begins with a whole word; binding begins up to 256 bytes earlier.
  const most = Math.max(2, Math.floor((device.maxBindingBytes - 256) / rowBytes / 2) * 2);
  for (let first = 0; first < rows; first += most) {
    const count = Math.min(most, rows - first);
    const { buffer, byteOffset } = table;
    const byteLength = Math.ceil(count * rowBytes / 4) * 4;
    yield {
      first,
      rows: count,
      span: { buffer, byteOffset: byteOffset + first * rowBytes, byteLength },
    };
  }
}
