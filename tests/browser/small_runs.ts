/** Settings of a PPO run of the demo that takes a second. */
export const SMALL_PPO = {
  steps: 2,
  batchSize: 4,
  miniBatchSize: 2,
  outputMinLength: 4,
  outputMaxLength: 8,
  evalSamples: 2,
  evalMaxNewTokens: 6,
};

/** Settings of a GRPO run of the chat demo that takes a second. */
export const SMALL_GRPO = {
  steps: 2,
  batchSize: 8,
  miniBatchSize: 8,
  numGenerations: 4,
  maxCompletionLength: 6,
  evalSamples: 4,
};
