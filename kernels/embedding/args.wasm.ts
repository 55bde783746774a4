// Generated from signatures.ts by deno task build:kernels: change that.

/** Arguments of embedding. */
@unmanaged
export class EmbeddingArgs {
  out: usize;
  table: usize;
  ids: usize;
  count: i32;
  rows: i32;
  width: i32;
  accumulate: i32;
  perTask: i32;
  bf16: i32;
  panels: i32;
}

/** Arguments of embedding_backward. */
@unmanaged
export class EmbeddingBackwardArgs {
  dTable: usize;
  dOut: usize;
  ids: usize;
  count: i32;
  rows: i32;
  width: i32;
  padding: i32;
  perTask: i32;
}
