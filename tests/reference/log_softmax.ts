/** Log-probability of each row's target and entropy of each row's softmax, in f64. */
export function logSoftmaxReference(
  logits: ArrayLike<number>,
  targets: ArrayLike<number>,
): { logprobs: Float64Array; entropy: Float64Array } {
  const rows = targets.length;
  const columns = logits.length / rows;
  const logprobs = new Float64Array(rows);
  const entropy = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const x = Array.from({ length: columns }, (_, j) => logits[row * columns + j]);
    const highest = Math.max(...x);
    const lse = highest + Math.log(x.reduce((sum, v) => sum + Math.exp(v - highest), 0));
    logprobs[row] = x[targets[row]] - lse;
    for (const v of x) entropy[row] -= Math.exp(v - lse) * (v - lse);
  }
  return { logprobs, entropy };
}

/** Gradient of Σ logprobs · dLogprobs with respect to the logits. */
export function logSoftmaxBackwardReference(
  logits: ArrayLike<number>,
  targets: ArrayLike<number>,
  dLogprobs: ArrayLike<number>,
): Float64Array {
  const columns = logits.length / targets.length;
  const { logprobs } = logSoftmaxReference(logits, targets);
  return Float64Array.from(logits, (x, i) => {
    const row = Math.floor(i / columns);
    const target = row * columns + targets[row];
    const probability = Math.exp(x - logits[target] + logprobs[row]);
    return dLogprobs[row] * (Number(i === target) - probability);
  });
}
