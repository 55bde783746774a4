import { signature } from "../../lib/device/signature.ts";

/** Elements of a task. */
export const BLOCK = 8192;

/** One Adam or AdamW update of packed f32 [length]. */
export const ADAM = signature({
  name: "adam",
  outputs: { values: "f32", firstMoment: "f32", secondMoment: "f32" },
  inputs: { gradients: "f32", norm: "f32" },
  ints: ["length"],
  floats: [
    "stepSize",
    "change1",
    "beta2",
    "change2",
    "correction2",
    "eps",
    "gradientDecay",
    "keep",
    "maxNorm",
  ],
  constants: { BLOCK },
});
