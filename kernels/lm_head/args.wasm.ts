// Generated from signatures.ts by deno task build:kernels: change that.

/** Arguments of log_softmax_backward. */
@unmanaged
export class LogSoftmaxBackwardArgs {
  logits: usize;
  targets: usize;
  lse: usize;
  dLogprobs: usize;
  rows: i32;
  columns: i32;
  stride: i32;
  columnStart: i32;
  perTask: i32;
}

/** Arguments of log_softmax_chunk. */
@unmanaged
export class LogSoftmaxChunkArgs {
  rowState: usize;
  logits: usize;
  targets: usize;
  rows: i32;
  columns: i32;
  stride: i32;
  columnStart: i32;
  first: i32;
  perTask: i32;
}

/** Arguments of log_softmax_finish. */
@unmanaged
export class LogSoftmaxFinishArgs {
  logprobs: usize;
  entropy: usize;
  lse: usize;
  rowState: usize;
  rows: i32;
}
