import { signature } from "../../lib/device/signature.ts";

/** table[head][i] = weight[buckets[i]][head]. */
export const RELATIVE_BIAS = signature({
  name: "relative_bias",
  outputs: { table: "f32" },
  inputs: { weight: "f32", buckets: "u32" },
  ints: ["heads", "distances"],
});

/** dWeight[buckets[i]][head] += dTable[head][i], in the order of i. */
export const RELATIVE_BIAS_BACKWARD = signature({
  name: "relative_bias_backward",
  outputs: { dWeight: "f32" },
  inputs: { dTable: "f32", buckets: "u32" },
  ints: ["heads", "distances"],
});
