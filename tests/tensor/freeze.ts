import type { Device } from "../../lib/device/device.ts";
import { WeightMatrix } from "../../lib/tensor/weight.ts";
import { rowReader } from "../numeric.ts";

/** A frozen weight W[rows, columns] of values on the host. */
export function freeze(
  device: Device,
  values: ArrayLike<number>,
  rows: number,
  columns: number,
  dtype: "f32" | "bf16",
): WeightMatrix {
  return WeightMatrix.freeze(device, rowReader(values, columns), rows, columns, dtype);
}
