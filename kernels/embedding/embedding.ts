import type { Binding, Device, GpuDevice, Span } from "../../lib/device/device.ts";
import { columnsPerTask, rowsPerTask } from "../split.ts";
import { elementGroups, wgsl } from "../wgsl.ts";
import code from "./embedding.wgsl" with { type: "text" };
import backwardCode from "./embedding_backward.wgsl" with { type: "text" };
import { EMBEDDING, EMBEDDING_BACKWARD } from "./signatures.ts";

const make = wgsl(EMBEDDING, "embedding/embedding.wgsl", code);
const gatherShaders = { f32: make({ BF16: 0 }), bf16: make({ BF16: 1 }) };
const scatterShader = wgsl(
  EMBEDDING_BACKWARD,
  "embedding/embedding_backward.wgsl",
  backwardCode,
)();

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
 * @param options `accumulate`: add to what is in `out`; `panels`: the table is as kernels/matmul packs it
 */
export function embedding(
  device: Device,
  out: Span,
  table: Span,
  ids: Span,
  { count, rows, width }: EmbeddingShape,
  { dtype, accumulate, panels = false }: {
    dtype: "f32" | "bf16";
    accumulate: boolean;
    panels?: boolean;
  },
): void {
  if (device.kind === "webgpu") {
    for (const piece of tablePieces(device, table, rows, width, dtype)) {
      device.dispatch(gatherShaders[dtype], elementGroups(count * width), {
        out,
        table: piece.span,
        ids,
        count,
        rows: piece.rows,
        width,
        accumulate: accumulate || piece.first > 0,
        firstRow: piece.first,
      });
    }
    return;
  }
  const perTask = rowsPerTask(width);
  const bf16 = dtype === "bf16";
  const args = { out, table, ids, count, rows, width, accumulate, perTask, bf16, panels };
  device.run(EMBEDDING, Math.ceil(count / perTask), args);
}

/**
 * Scatters gradients: dTable[ids[i], :] += dOut[i, :], in the order of i. Ids outside the table are
 * passed over.
 *
 * @param dTable f32 [rows, width], added to
 * @param dOut f32 [count, width]
 * @param ids i32 [count]
 * @param padding id that is passed over as well, as torch's `padding_idx`; default none
 */
export function embeddingBackward(
  device: Device,
  dTable: Span,
  dOut: Span,
  ids: Span,
  { count, rows, width }: EmbeddingShape,
  padding = -1,
): void {
  if (device.kind === "webgpu") {
    for (const piece of tablePieces(device, dTable, rows, width, "f32")) {
      device.dispatch(scatterShader, count, {
        dTable: piece.span,
        dOut,
        ids,
        count,
        rows: piece.rows,
        width,
        padding,
        firstRow: piece.first,
      });
    }
    return;
  }
  const perTask = columnsPerTask(count);
  const args = { dTable, dOut, ids, count, rows, width, padding, perTask };
  device.run(EMBEDDING_BACKWARD, Math.ceil(width / perTask), args);
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
