import { signature } from "../../lib/device/signature.ts";

/** Elements of a task. */
export const BLOCK = 16384;

/** x[i] = value, f32 [length]. */
export const FILL = signature({
  name: "fill",
  outputs: { x: "f32" },
  ints: ["length"],
  floats: ["value"],
  constants: { BLOCK },
});

/** out[i] = a[i] + b[i], or b[i] where there is no a; f32 [length]. */
export const ADD = signature({
  name: "add",
  outputs: { out: "f32" },
  inputs: { a: "f32?", b: "f32" },
  ints: ["length"],
  constants: { BLOCK },
});

/** y[i] = factor · x[i] (+ y[i]), f32 [length]. */
export const SCALE = signature({
  name: "scale",
  outputs: { y: "f32" },
  inputs: { x: "f32" },
  ints: ["length", "accumulate"],
  floats: ["factor"],
  constants: { BLOCK },
});
