import type { Device, Span } from "../device/device.ts";
import { toBf16 } from "../formats/bf16.ts";
import { BYTES, type DType, Tensor } from "./tensor.ts";

/** Bytes of f32 values that are on the host at once while a tensor is uploaded. */
const PIECE_BYTES = 4 << 20;

/** Gives `count` rows of a tensor from the `first` on, row-major; called in the order of the rows. */
export type RowReader = (first: number, count: number) => Float32Array;

/** Rows of `width` values that are uploaded at once: a multiple of 16, a few MiB. */
export function rowsPerPiece(width: number): number {
  return Math.ceil(PIECE_BYTES / 4 / width / 16) * 16;
}

/**
 * Copies a tensor to new memory of the device, piece by piece, so that it is never on the host whole.
 *
 * @param shape `read` gives rows of its first dimension
 * @param dtype type that the values are stored as
 */
export function uploadRows(
  device: Device,
  read: RowReader,
  shape: readonly number[],
  dtype: "f32" | "bf16",
): Tensor {
  const buffer = device.alloc(tensorBytes(shape, dtype));
  const tensor = new Tensor(device, buffer, shape, dtype);
  try {
    writeRows(tensor, read);
  } catch (error) {
    device.free(buffer);
    throw error;
  }
  return tensor;
}

/** Size of a tensor. */
export function tensorBytes(shape: readonly number[], dtype: DType): number {
  return shape.reduce((bytes, size) => bytes * size, BYTES[dtype]);
}

/** Copies values to a tensor, f32 or bf16, as {@linkcode uploadRows} does. */
export function writeRows(
  { device, buffer, shape, dtype, byteOffset }: Tensor,
  read: RowReader,
): void {
  const rows = shape[0];
  const rowBytes = tensorBytes(shape.slice(1), dtype);
  const pieceRows = rowsPerPiece(rowBytes / BYTES[dtype]);
  for (let row = 0; row < rows; row += pieceRows) {
    const data = read(row, Math.min(pieceRows, rows - row));
    const span = { buffer, byteOffset: byteOffset + row * rowBytes };
    if (dtype === "f32") device.write(span, data);
    else writeRounded(device, span, data);
  }
}

/**
 * Writes values as bf16. The rounded copy is detached, which gives its memory back at once: left to
 * the garbage collector, those of a table's pieces pile up, and malloc keeps their pages.
 */
function writeRounded(device: Device, span: Span, values: Float32Array): void {
  const rounded = toBf16(values);
  device.write(span, rounded);
  rounded.buffer.transfer(0);
}
