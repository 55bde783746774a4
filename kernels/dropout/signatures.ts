import { signature } from "../../lib/device/signature.ts";

/** Elements of a task, a multiple of 4. */
export const BLOCK = 4096;

/** y[i] = x[i] · mask[i] / (1 - p) (+ y[i]), f32 [length]. */
export const DROPOUT = signature({
  name: "dropout",
  outputs: { y: "f32" },
  inputs: { x: "f32" },
  ints: ["length", "seed", "stream", "accumulate"],
  floats: ["p", "factor"],
  constants: { BLOCK },
});
