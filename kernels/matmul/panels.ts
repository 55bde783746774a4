import type { Device, Span, TaskDevice } from "../../lib/device/device.ts";
import { ELEMENT_BYTES, type Panels } from "./product.ts";
import { PACK_PANELS, PANEL } from "./signatures.ts";

/** Tells devices whose products read frozen weights as {@linkcode Panels}; others read them row-major. */
export function readsPanels(device: Device): device is TaskDevice {
  return device.kind === "wasm";
}

/** Bytes that W[rows, columns] takes in panels, its rows padded to a multiple of 16. */
export function panelBytes(rows: number, columns: number, dtype: "f32" | "bf16"): number {
  return Math.ceil(rows / PANEL) * PANEL * columns * ELEMENT_BYTES[dtype];
}

/**
 * Packs W[rows, columns] (f32, row-major) for `matmul`: panel p holds rows 16p … 16p+15,
 * column by column; in bf16 a word holds rows j and j + 8. `firstRow` (a multiple of 16) says where
 * in a larger weight these rows belong, so that it can be packed piece by piece.
 */
export function packPanels(
  device: TaskDevice,
  panels: Panels,
  w: Span,
  rows: number,
  columns: number,
  firstRow = 0,
): void {
  device.run(PACK_PANELS, Math.ceil(rows / PANEL), {
    panels: panels.span,
    w,
    rows,
    columns,
    bf16: panels.dtype === "bf16",
    firstPanel: firstRow / PANEL,
  });
}
