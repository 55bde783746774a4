/** What the logits go through before a token is drawn; names as in kernels/sample/sample.ts. */
export interface Processors {
  /** Tokens that must not come: the end token before the minimum length. */
  banned: readonly number[];
  /** Penalty on tokens that came before; default 1. */
  penalty?: number;
  /** Tokens that came before; default none. */
  seen?: readonly number[];
  temperature: number;
  topK: number;
  topP: number;
  /** Default 0. */
  minP?: number;
}

/** A logit after transformers' RepetitionPenaltyLogitsProcessor, in f32. */
export function penalised(logit: number, penalty: number): number {
  const factor = Math.fround(penalty);
  return Math.fround(logit < 0 ? Math.fround(logit) * factor : Math.fround(logit) / factor);
}

/**
 * The probabilities of one row after transformers' RepetitionPenaltyLogitsProcessor,
 * MinLengthLogitsProcessor and its temperature, top-k, top-p and min-p warpers, in f64, by sorting.
 */
export function processedProbabilities(logits: ArrayLike<number>, p: Processors): Float64Array {
  let scores = Array.from(
    logits,
    (x, i) => {
      if (p.banned.includes(i)) return -Infinity;
      const z = p.seen?.includes(i) ? penalised(x, p.penalty ?? 1) : Math.fround(x);
      return Math.fround(z / p.temperature);
    },
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
  const probabilities = softmax(scores);
  const least = (p.minP ?? 0) * probabilities.reduce((a, b) => Math.max(a, b));
  return softmax(scores.map((x, i) => probabilities[i] < least ? -Infinity : x));
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
