/** The attention of one packed batch, in f64. Names as in kernels/attention/operands.ts. */
export interface AttentionCase {
  q: ArrayLike<number>;
  k: ArrayLike<number>;
  v: ArrayLike<number>;
  qStarts: number[];
  qLengths: number[];
  kStarts: number[];
  kLengths: number[];
  heads: number;
  /** Default: heads. */
  keyHeads?: number;
  headSize: number;
  scale: number;
  causal: boolean;
  /** Default null: all keys are seen. */
  window?: number | null;
  bias: { table: ArrayLike<number>; reach: number } | null;
  /** Keys and values before those of k and v. Default null: none. */
  prefix?: PrefixCase | null;
}

/** Keys and values of sequences' prefixes; several sequences may name the same rows. */
export interface PrefixCase {
  k: ArrayLike<number>;
  v: ArrayLike<number>;
  starts: number[];
  lengths: number[];
}

/** One query of one head. */
interface Query {
  head: number;
  /** Row of the query. */
  q: number;
  position: number;
  /** The first key that it sees, counted from the start of the prefix. */
  first: number;
  /** Row of the j-th key of the sequence, and the part that it is in. */
  key: (j: number) => { prefix: boolean; row: number };
}

/** First column of a query head's keys and values, and the width of a row of them. */
function keyColumns({ heads, keyHeads = heads, headSize }: AttentionCase, head: number) {
  return {
    column: Math.floor(head * keyHeads / heads) * headSize,
    width: keyHeads * headSize,
  };
}

/** Calls back with the probabilities of each query over the keys it sees. */
function eachQuery(
  c: AttentionCase,
  visit: (query: Query, p: Float64Array, lse: number) => void,
): void {
  const width = c.heads * c.headSize;
  for (let s = 0; s < c.qStarts.length; s++) {
    const before = c.prefix?.lengths[s] ?? 0;
    const keys = before + c.kLengths[s];
    const key = (j: number) =>
      j < before
        ? { prefix: true, row: c.prefix!.starts[s] + j }
        : { prefix: false, row: c.kStarts[s] + j - before };
    for (let head = 0; head < c.heads; head++) {
      const { column, width: kWidth } = keyColumns(c, head);
      for (let i = 0; i < c.qLengths[s]; i++) {
        const position = keys - c.qLengths[s] + i;
        const end = c.causal ? Math.max(0, position + 1) : keys;
        const first = c.window == null ? 0 : Math.max(0, position - c.window + 1);
        const q = c.qStarts[s] + i;
        const scores = Float64Array.from({ length: Math.max(0, end - first) }, (_, n) => {
          const { prefix, row } = key(first + n);
          const k = prefix ? c.prefix!.k : c.k;
          let dot = 0;
          for (let d = 0; d < c.headSize; d++) {
            dot += c.q[q * width + head * c.headSize + d] * k[row * kWidth + column + d];
          }
          return dot * c.scale + (c.bias ? c.bias.table[biasAt(c, head, first + n - position)] : 0);
        });
        const highest = Math.max(...scores);
        let sum = 0;
        for (const x of scores) sum += Math.exp(x - highest);
        const lse = highest + Math.log(sum);
        visit({ head, q, position, first, key }, scores.map((x) => Math.exp(x - lse)), lse);
      }
    }
  }
}

/** Place in the bias table of a head and a distance. */
function biasAt({ bias }: AttentionCase, head: number, distance: number): number {
  return head * (2 * bias!.reach + 1) + distance + bias!.reach;
}

/** o [queries, heads · headSize] and lse [queries, heads]. */
export function attentionReference(c: AttentionCase): { o: Float64Array; lse: Float64Array } {
  const width = c.heads * c.headSize;
  const o = new Float64Array(c.q.length);
  const lse = new Float64Array(c.q.length / c.headSize);
  eachQuery(c, ({ head, q, first, key }, p, logSum) => {
    const { column, width: vWidth } = keyColumns(c, head);
    lse[q * c.heads + head] = logSum;
    for (let n = 0; n < p.length; n++) {
      const { prefix, row } = key(first + n);
      const v = prefix ? c.prefix!.v : c.v;
      for (let d = 0; d < c.headSize; d++) {
        o[q * width + head * c.headSize + d] += p[n] * v[row * vWidth + column + d];
      }
    }
  });
  return { o, lse };
}

/** Gradients of Σ o · dOut; those of a shared prefix are sums over the sequences that name it. */
export interface ReferenceGradients {
  dq: Float64Array;
  dk: Float64Array;
  dv: Float64Array;
  dBias: Float64Array;
  dPrefixK: Float64Array;
  dPrefixV: Float64Array;
}

/** The gradients of {@linkcode attentionReference}. */
export function attentionBackwardReference(
  c: AttentionCase,
  dOut: ArrayLike<number>,
): ReferenceGradients {
  const width = c.heads * c.headSize;
  const dq = new Float64Array(c.q.length);
  const dk = new Float64Array(c.k.length);
  const dv = new Float64Array(c.v.length);
  const dBias = new Float64Array(c.bias?.table.length ?? 0);
  const dPrefixK = new Float64Array(c.prefix?.k.length ?? 0);
  const dPrefixV = new Float64Array(c.prefix?.v.length ?? 0);
  eachQuery(c, ({ head, q, position, first, key }, p) => {
    const { column, width: kWidth } = keyColumns(c, head);
    const at = q * width + head * c.headSize;
    const dp = p.map((_, n) => {
      const { prefix, row } = key(first + n);
      const v = prefix ? c.prefix!.v : c.v;
      let sum = 0;
      for (let d = 0; d < c.headSize; d++) sum += dOut[at + d] * v[row * kWidth + column + d];
      return sum;
    });
    const mean = dp.reduce((sum, x, n) => sum + x * p[n], 0);
    for (let n = 0; n < p.length; n++) {
      const ds = p[n] * (dp[n] - mean);
      if (c.bias) dBias[biasAt(c, head, first + n - position)] += ds;
      const { prefix, row } = key(first + n);
      const k = prefix ? c.prefix!.k : c.k;
      const [toK, toV] = prefix ? [dPrefixK, dPrefixV] : [dk, dv];
      for (let d = 0; d < c.headSize; d++) {
        const kAt = row * kWidth + column + d;
        toV[kAt] += p[n] * dOut[at + d];
        dq[at + d] += c.scale * ds * k[kAt];
        toK[kAt] += c.scale * ds * c.q[at + d];
      }
    }
  });
  return { dq, dk, dv, dBias, dPrefixK, dPrefixV };
}
