import type { Device } from "../device/device.ts";
import {
  packPanels,
  panelBytes,
  type Panels,
  type RightMatrix,
} from "../../kernels/matmul/matmul.ts";
import type { Tensor } from "./tensor.ts";

/** Bytes of f32 weights that are uploaded at once while a weight is packed. */
const STAGING_BYTES = 8 << 20;

/**
 * A weight matrix W[rows, columns] of a linear layer, y = x Wᵀ: frozen in the layout that products
 * read fastest, or trainable as row-major f32.
 */
export class WeightMatrix {
  private constructor(
    readonly rows: number,
    readonly columns: number,
    private readonly panels: Panels | null,
    /** The row-major values of a trainable weight; null when it is frozen. */
    readonly values: Tensor | null,
  ) {}

  /** Copies a frozen weight to the device as f32 or bf16 panels. */
  static freeze(
    device: Device,
    data: Float32Array,
    rows: number,
    columns: number,
    dtype: "f32" | "bf16",
  ): WeightMatrix {
    const span = { buffer: device.alloc(panelBytes(rows, columns, dtype)), byteOffset: 0 };
    const panels = { span, dtype };
    const pieceRows = Math.min(rows, Math.ceil(STAGING_BYTES / 4 / columns / 16) * 16);
    const staging = { buffer: device.alloc(pieceRows * columns * 4), byteOffset: 0 };
    for (let row = 0; row < rows; row += pieceRows) {
      const count = Math.min(pieceRows, rows - row);
      device.write(staging, data.subarray(row * columns, (row + count) * columns));
      packPanels(device, panels, staging, count, columns, row);
    }
    device.free(staging.buffer);
    return new WeightMatrix(rows, columns, panels, null);
  }

  /** A trainable weight: a parameter tensor [rows, columns]. */
  static trainable(values: Tensor): WeightMatrix {
    return new WeightMatrix(values.rows, values.width, null, values);
  }

  /** Wᵀ as the right-hand matrix of y = x Wᵀ. */
  forward(): RightMatrix {
    if (this.panels) return { kind: "panels", panels: this.panels };
    return { kind: "strided", span: this.values!, kStride: 1, nStride: this.columns };
  }

  /** W as the right-hand matrix of dx = dy W. */
  backward(): RightMatrix {
    if (this.panels) return { kind: "transposedPanels", panels: this.panels };
    return { kind: "strided", span: this.values!, kStride: this.columns, nStride: 1 };
  }

  /** Rows first … first + count - 1 (first a multiple of 16), in the same memory. */
  slice(first: number, count: number): WeightMatrix {
    if (!this.panels) {
      return new WeightMatrix(count, this.columns, null, this.values!.slice(first, count));
    }
    const { span, dtype } = this.panels;
    const byteOffset = span.byteOffset + panelBytes(first, this.columns, dtype);
    const panels = { span: { buffer: span.buffer, byteOffset }, dtype };
    return new WeightMatrix(count, this.columns, panels, null);
  }

  /** Returns a frozen weight's memory to the device. */
  dispose(device: Device): void {
    if (this.panels) device.free(this.panels.span.buffer);
  }
}
