import { signature } from "../../lib/device/signature.ts";

/** Numbers of the activation functions. */
export const ACTIVATION_NUMBERS = { RELU: 0, GELU: 1, GELU_NEW: 2, TANH: 3, SILU: 4 };
/** Elements of a task. */
export const BLOCK = 2048;

/** y = f(x) (· gate), f32 [length]. */
export const ACTIVATION = signature({
  name: "activation",
  outputs: { y: "f32" },
  inputs: { x: "f32", gate: "f32?" },
  ints: ["length", "kind"],
  constants: { ...ACTIVATION_NUMBERS, BLOCK },
});

/** dx (+)= dy · f'(x) (· gate), dGate (+)= dy · f(x); f32 [length]. */
export const ACTIVATION_BACKWARD = signature({
  name: "activation_backward",
  outputs: { dx: "f32?", dGate: "f32?" },
  inputs: { dy: "f32", x: "f32", gate: "f32?" },
  ints: ["length", "kind", "accumulateX", "accumulateGate"],
  constants: { ...ACTIVATION_NUMBERS, BLOCK },
});
