import { signature } from "../../lib/device/signature.ts";

/** Elements of a partial sum. */
export const BLOCK = 16384;

/** partials[block] = Σ gradients² of a block; f64 on the CPU, f32 on a GPU. */
export const GRAD_NORM_PARTIAL = signature({
  name: "grad_norm_partial",
  outputs: { partials: "f32" },
  inputs: { gradients: "f32" },
  ints: ["length"],
  constants: { BLOCK },
});

/** norm = √Σ partials, f32 [1]. */
export const GRAD_NORM_TOTAL = signature({
  name: "grad_norm_total",
  outputs: { norm: "f32" },
  inputs: { partials: "f32" },
  ints: ["blocks"],
});
