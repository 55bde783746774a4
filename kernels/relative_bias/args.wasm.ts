// Generated from signatures.ts by deno task build:kernels: change that.

/** Arguments of relative_bias. */
@unmanaged
export class RelativeBiasArgs {
  table: usize;
  weight: usize;
  buckets: usize;
  heads: i32;
  distances: i32;
}

/** Arguments of relative_bias_backward. */
@unmanaged
export class RelativeBiasBackwardArgs {
  dWeight: usize;
  dTable: usize;
  buckets: usize;
  heads: i32;
  distances: i32;
}
