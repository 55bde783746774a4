// Generated from signatures.ts by deno task build:kernels: change that.

export const BLOCK: i32 = 16384;

/** Arguments of grad_norm_partial. */
@unmanaged
export class GradNormPartialArgs {
  partials: usize;
  gradients: usize;
  length: i32;
}

/** Arguments of grad_norm_total. */
@unmanaged
export class GradNormTotalArgs {
  norm: usize;
  partials: usize;
  blocks: i32;
}
