import type { Device } from "../../lib/device/device.ts";
import { FrozenStore, type WeightSource } from "../../lib/models/weight_store.ts";
import { WeightMatrix } from "../../lib/tensor/weight.ts";
import { rowReader } from "../numeric.ts";

/** Frozen weights W[rows, columns] of values on the host, in one block on a GPU. */
export function freezeTogether(
  device: Device,
  weights: readonly (readonly [values: Float32Array<ArrayBuffer>, rows: number, columns: number])[],
  dtype: "f32" | "bf16",
): WeightMatrix[] {
  const source: WeightSource = {
    has: () => true,
    read: (name, [, columns], first = 0, count) =>
      weights[Number(name)][0].slice(first * columns, count && (first + count) * columns),
  };
  const store = new FrozenStore(device, source, dtype);
  return store.together(() =>
    weights.map(([, rows, columns], i) => store.matrix(`${i}`, rows, columns))
  );
}

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
