import { signature } from "../../lib/device/signature.ts";

/** Threads that share a head on a GPU. */
export const HEAD_THREADS = 32;
/** Heads of a workgroup. */
export const GROUP_HEADS = 4;

/**
 * y_i = x_i, or its norm over each head, rotated: x f32 [rows, heads_i · headSize]. `placed_i`: row j
 * of the result is row places[j] of y_i. rstd_i [rows, heads_i].
 */
export const ROTARY = signature({
  name: "rotary",
  outputs: { y_0: "f32", y_1: "f32?", rstd_0: "f32?", rstd_1: "f32?" },
  inputs: {
    x_0: "f32",
    x_1: "f32?",
    weight_0: "f32?",
    weight_1: "f32?",
    table: "f32",
    positions: "u32",
    places: "u32?",
  },
  bindings: { rstd: ["rstd_0", "rstd_1"], x: ["x_0", "x_1"], weight: ["weight_0", "weight_1"] },
  ints: ["rows", "headSize", "heads_0", "heads_1", "placed_0", "placed_1"],
  taskInts: ["perTask"],
  floats: ["eps", "weightOffset"],
  constants: { HEAD_THREADS, GROUP_HEADS },
});

/** dx = dy rotated back (+ dx), [rows, heads · headSize]. */
export const ROTARY_BACKWARD = signature({
  name: "rotary_backward",
  outputs: { dx: "f32" },
  inputs: { dy: "f32", table: "f32", positions: "u32" },
  ints: ["rows", "heads", "headSize", "accumulate"],
  taskInts: ["perTask"],
});
