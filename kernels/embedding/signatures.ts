import { signature } from "../../lib/device/signature.ts";

/** out[i, :] = table[ids[i], :] (+ out[i, :]); `firstRow` is the table's first row that is bound. */
export const EMBEDDING = signature({
  name: "embedding",
  outputs: { out: "f32" },
  inputs: { table: "u32", ids: "u32" },
  ints: ["count", "rows", "width", "accumulate"],
  gpuInts: ["firstRow"],
  taskInts: ["perTask", "bf16", "panels"],
});

/** dTable[ids[i], :] += dOut[i, :], but for ids that are `padding`. */
export const EMBEDDING_BACKWARD = signature({
  name: "embedding_backward",
  outputs: { dTable: "f32" },
  inputs: { dOut: "f32", ids: "u32" },
  ints: ["count", "rows", "width", "padding"],
  gpuInts: ["firstRow"],
  taskInts: ["perTask"],
});
