/** The attention of one packed batch, in f64. Names as in kernels/attention/attention.ts. */
export interface AttentionCase {
  q: ArrayLike<number>;
  k: ArrayLike<number>;
  v: ArrayLike<number>;
  qStarts: number[];
  qLengths: number[];
  kStarts: number[];
  kLengths: number[];
  heads: number;
  headSize: number;
  scale: number;
  causal: boolean;
  bias: { table: ArrayLike<number>; reach: number } | null;
}

/** Calls back with the probabilities of each query over its keys. */
function eachQuery(
  c: AttentionCase,
  visit: (
    row: { head: number; q: number; k0: number; position: number },
    p: Float64Array,
    lse: number,
  ) => void,
): void {
  const width = c.heads * c.headSize;
  for (let s = 0; s < c.qStarts.length; s++) {
    for (let head = 0; head < c.heads; head++) {
      for (let i = 0; i < c.qLengths[s]; i++) {
        const position = c.kLengths[s] - c.qLengths[s] + i;
        const n = c.causal ? Math.max(0, position + 1) : c.kLengths[s];
        const q = c.qStarts[s] + i;
        const scores = Float64Array.from({ length: n }, (_, j) => {
          let dot = 0;
          for (let d = head * c.headSize; d < (head + 1) * c.headSize; d++) {
            dot += c.q[q * width + d] * c.k[(c.kStarts[s] + j) * width + d];
          }
          const at = c.bias ? head * (2 * c.bias.reach + 1) + j - position + c.bias.reach : 0;
          return dot * c.scale + (c.bias ? c.bias.table[at] : 0);
        });
        const highest = Math.max(...scores);
        let sum = 0;
        for (const x of scores) sum += Math.exp(x - highest);
        const lse = highest + Math.log(sum);
        visit({ head, q, k0: c.kStarts[s], position }, scores.map((x) => Math.exp(x - lse)), lse);
      }
    }
  }
}

/** o [queries, heads · headSize] and lse [queries, heads]. */
export function attentionReference(c: AttentionCase): { o: Float64Array; lse: Float64Array } {
  const width = c.heads * c.headSize;
  const o = new Float64Array(c.q.length);
  const lse = new Float64Array(c.q.length / c.headSize);
  eachQuery(c, ({ head, q, k0 }, p, logSum) => {
    lse[q * c.heads + head] = logSum;
    for (let j = 0; j < p.length; j++) {
      for (let d = head * c.headSize; d < (head + 1) * c.headSize; d++) {
        o[q * width + d] += p[j] * c.v[(k0 + j) * width + d];
      }
    }
  });
  return { o, lse };
}

/** Gradients of Σ o · dOut. */
export function attentionBackwardReference(
  c: AttentionCase,
  dOut: ArrayLike<number>,
): { dq: Float64Array; dk: Float64Array; dv: Float64Array; dBias: Float64Array } {
  const width = c.heads * c.headSize;
  const dq = new Float64Array(c.q.length);
  const dk = new Float64Array(c.k.length);
  const dv = new Float64Array(c.v.length);
  const dBias = new Float64Array(c.bias?.table.length ?? 0);
  eachQuery(c, ({ head, q, k0, position }, p) => {
    const range = { from: head * c.headSize, to: (head + 1) * c.headSize };
    const dp = p.map((_, j) => {
      let sum = 0;
      for (let d = range.from; d < range.to; d++) {
        sum += dOut[q * width + d] * c.v[(k0 + j) * width + d];
      }
      return sum;
    });
    const mean = dp.reduce((sum, x, j) => sum + x * p[j], 0);
    for (let j = 0; j < p.length; j++) {
      const ds = p[j] * (dp[j] - mean);
      if (c.bias) {
        dBias[head * (2 * c.bias.reach + 1) + j - position + c.bias.reach] += ds;
      }
      for (let d = range.from; d < range.to; d++) {
        dv[(k0 + j) * width + d] += p[j] * dOut[q * width + d];
        dq[q * width + d] += c.scale * ds * c.k[(k0 + j) * width + d];
        dk[(k0 + j) * width + d] += c.scale * ds * c.q[q * width + d];
      }
    }
  });
  return { dq, dk, dv, dBias };
}
