// Generated from signatures.ts by deno task build:kernels: change that.

/** Arguments of ppo_loss. */
@unmanaged
export class PpoLossArgs {
  statistics: usize;
  dLogprobs: usize;
  dValues: usize;
  logprobs: usize;
  values: usize;
  oldLogprobs: usize;
  oldValues: usize;
  advantages: usize;
  returns: usize;
  mask: usize;
  entropy: usize;
  tokens: i32;
  clipRange: f32;
  clipRangeValue: f32;
  vfCoef: f32;
  gradScale: f32;
}
