// Generated from signatures.ts by deno task build:kernels: change that.

export const RELU: i32 = 0;

export const GELU: i32 = 1;

export const GELU_NEW: i32 = 2;

export const TANH: i32 = 3;

export const SILU: i32 = 4;

export const BLOCK: i32 = 2048;

/** Arguments of activation. */
@unmanaged
export class ActivationArgs {
  y: usize;
  x: usize;
  gate: usize;
  length: i32;
  kind: i32;
}

/** Arguments of activation_backward. */
@unmanaged
export class ActivationBackwardArgs {
  dx: usize;
  dGate: usize;
  dy: usize;
  x: usize;
  gate: usize;
  length: i32;
  kind: i32;
  accumulateX: i32;
  accumulateGate: i32;
}
