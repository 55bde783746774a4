// Generated from signatures.ts by deno task build:kernels: change that.

export const BLOCK: i32 = 8192;

/** Arguments of adam. */
@unmanaged
export class AdamArgs {
  values: usize;
  firstMoment: usize;
  secondMoment: usize;
  gradients: usize;
  norm: usize;
  length: i32;
  stepSize: f32;
  change1: f32;
  beta2: f32;
  change2: f32;
  correction2: f32;
  eps: f32;
  gradientDecay: f32;
  keep: f32;
  maxNorm: f32;
}
