import type { Device, Span, TaskDevice } from "../device/device.ts";
import { packPanels, panelBytes, readsPanels } from "../../kernels/matmul/panels.ts";
import type { Panels, RightMatrix } from "../../kernels/matmul/product.ts";
import { Tensor } from "./tensor.ts";
import { type RowReader, rowsPerPiece, uploadRows } from "./upload.ts";

/**
 * A weight matrix W[rows, columns] of a linear layer, y = x Wᵀ. Frozen, it is in the layout that
 * the device's products read fastest: panels on the CPU, row-major on a GPU. Trainable, it is
 * row-major f32, as it is in the checkpoint: [rows, columns], or its transpose.
 */
export class WeightMatrix {
  private constructor(
    readonly rows: number,
    readonly columns: number,
    private readonly layout: Panels | Tensor,
    private readonly isTrainable: boolean,
    /** True if `values` are the transpose, [columns, rows]. */
    readonly isTransposed: boolean = false,
  ) {}

  /** Copies a frozen weight to the device, as f32 or bf16. */
  static freeze(
    device: Device,
    read: RowReader,
    rows: number,
    columns: number,
    dtype: "f32" | "bf16",
  ): WeightMatrix {
    if (!readsPanels(device)) {
      return WeightMatrix.frozen(uploadRows(device, read, [rows, columns], dtype));
    }
    const layout = freezePanels(device, read, rows, columns, dtype);
    return new WeightMatrix(rows, columns, layout, false);
  }

  /** A frozen weight that is row-major on the device, [rows, columns]. */
  static frozen(values: Tensor): WeightMatrix {
    return new WeightMatrix(values.rows, values.width, values, false);
  }

  /** A trainable weight: a parameter tensor [rows, columns], or with `transposed` [columns, rows]. */
  static trainable(
    values: Tensor,
    { transposed = false }: { transposed?: boolean } = {},
  ): WeightMatrix {
    const [rows, columns] = transposed ? [values.width, values.rows] : [values.rows, values.width];
    return new WeightMatrix(rows, columns, values, true, transposed);
  }

  /** The values of a trainable weight; null when it is frozen. */
  get values(): Tensor | null {
    return this.isTrainable ? this.layout as Tensor : null;
  }

  /** The values, [rows, columns], where they are row-major; null where they are not. */
  get rowMajor(): Tensor | null {
    return this.layout instanceof Tensor && !this.isTransposed ? this.layout : null;
  }

  /** Wᵀ as the right-hand matrix of y = x Wᵀ. */
  forward(): RightMatrix {
    if (!(this.layout instanceof Tensor)) return { kind: "panels", panels: this.layout };
    return this.isTransposed
      ? strided(this.layout, this.rows, 1)
      : strided(this.layout, 1, this.columns);
  }

  /** W as the right-hand matrix of dx = dy W. */
  backward(): RightMatrix {
    if (!(this.layout instanceof Tensor)) return { kind: "transposedPanels", panels: this.layout };
    return this.isTransposed
      ? strided(this.layout, 1, this.rows)
      : strided(this.layout, this.columns, 1);
  }

  /** Memory of the rows as the table of an embedding; `panels` tells how they lie in it. */
  lookup(): { span: Span; dtype: "f32" | "bf16"; panels: boolean } {
    if (this.isTransposed) throw new RangeError("a transposed weight has no rows to look up");
    const { layout } = this;
    if (!(layout instanceof Tensor)) return { ...layout, panels: true };
    return { span: layout, dtype: layout.dtype === "bf16" ? "bf16" : "f32", panels: false };
  }

  /** Rows first … first + count - 1 (first a multiple of 16), in the same memory. */
  slice(first: number, count: number): WeightMatrix {
    if (this.isTransposed) throw new RangeError("a transposed weight has no slices of rows");
    const { layout, columns } = this;
    if (layout instanceof Tensor) {
      return new WeightMatrix(count, columns, layout.slice(first, count), this.isTrainable);
    }
    const { span: { buffer, byteOffset }, dtype } = layout;
    const start = byteOffset + panelBytes(first, columns, dtype);
    const span = { buffer, byteOffset: start };
    return new WeightMatrix(count, columns, { span, dtype }, false);
  }

  /** Returns a frozen weight's memory to the device. */
  dispose(device: Device): void {
    if (this.isTrainable) return;
    device.free(this.layout instanceof Tensor ? this.layout.buffer : this.layout.span.buffer);
  }
}

/** Packs a weight piece by piece, which needs little memory beside the panels. */
function freezePanels(
  device: TaskDevice,
  read: RowReader,
  rows: number,
  columns: number,
  dtype: "f32" | "bf16",
): Panels {
  const span = { buffer: device.alloc(panelBytes(rows, columns, dtype)), byteOffset: 0 };
  const panels = { span, dtype };
  const pieceRows = Math.min(rows, rowsPerPiece(columns));
  let staging: Span | null = null;
  try {
    staging = { buffer: device.alloc(pieceRows * columns * 4), byteOffset: 0 };
    for (let row = 0; row < rows; row += pieceRows) {
      const count = Math.min(pieceRows, rows - row);
      device.write(staging, read(row, count));
      packPanels(device, panels, staging, count, columns, row);
    }
    return panels;
  } catch (error) {
    device.free(span.buffer);
    throw error;
  } finally {
    if (staging) device.free(staging.buffer);
  }
}

function strided(values: Tensor, kStride: number, nStride: number): RightMatrix {
  const dtype = values.dtype === "bf16" ? "bf16" : "f32";
  return { kind: "strided", span: values, kStride, nStride, dtype };
}
