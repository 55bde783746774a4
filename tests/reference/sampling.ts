/** What the logits go through before a token is drawn; names as in kernels/sample/sample.ts. */
export interface Processors {
  /** Tokens that must not come: the end token before the minimum length. */
  banned: readonly number[];
  temperature: number;
  topK: number;
  topP: number;
}

/**
 * The probabilities of one row after transformers 4.27's MinLengthLogitsProcessor and its
 * temperature, top-k and top-p warpers, in f64, by sorting.
 */
export function processedProbabilities(logits: ArrayLike<number>, p: Processors): Float64Array {
  let scores = Array.from(
    logits,
    (x, i) => p.banned.includes(i) ? -Infinity : Math.fround(Math.fround(x) / p.temperature),
  );
  if (p.topK > 0) {
    const kth = scores.toSorted((a, b) => b - a)[Math.min(p.topK, scores.length) - 1];
    scores = scores.map((x) => x < kth ? -Infinity : x);
  }
  if (p.topP < 1) {
    const probabilities = softmax(scores);
    const ascending = scores.map((_, i) => i)
      .sort((a, b) => scores[a] === scores[b] ? a - b : scores[a] - scores[b]);
    let cumulated = 0;
    for (const i of ascending.slice(0, -1)) {
      cumulated += probabilities[i];
      if (cumulated <= 1 - p.topP) scores[i] = -Infinity;
    }
  }
  return softmax(scores);
}

function softmax(scores: readonly number[]): Float64Array {
  const highest = scores.reduce((a, b) => Math.max(a, b));
  const exponentials = scores.map((x) => Math.exp(x - highest));
  const total = exponentials.reduce((a, b) => a + b);
  return Float64Array.from(exponentials, (x) => x / total);
}

/** The first index at which the cumulated probability exceeds `uniform`. */
export function inverseCdf(probabilities: Float64Array, uniform: number): number {
  let cumulated = 0;
  return probabilities.findIndex((p) => (cumulated += p) > uniform);
}
