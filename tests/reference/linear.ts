/** A linear layer with all that may be added to it, row-major. Names as in lib/tensor/ops/linear.ts. */
export interface LinearCase {
  /** [m, k] */
  x: Float64Array;
  /** [n, k] */
  w: Float64Array;
  /** [n] */
  bias?: Float64Array | null;
  /** [m, n] */
  residual?: Float64Array | null;
  /** `mask`: factors of x before A, [m, k]. */
  lora?: { a: Float64Array; b: Float64Array; scale: number; mask: Float64Array | null } | null;
  m: number;
  n: number;
  k: number;
}

/** Gradients of what a LinearCase holds. */
export interface LinearGradients {
  x: Float64Array;
  w: Float64Array;
  bias: Float64Array;
  residual: Float64Array;
  a: Float64Array;
  b: Float64Array;
}

/** What A reads, [m, k], and makes of it, [m, r]; both empty without LoRA. */
function lowRank(
  { x, lora, m, k }: LinearCase,
): { r: number; input: Float64Array; u: Float64Array } {
  const r = lora ? lora.a.length / k : 0;
  const input = x.map((value, i) => value * (lora?.mask?.[i] ?? 1));
  const u = new Float64Array(m * r);
  for (let i = 0; i < m; i++) {
    for (let q = 0; q < r; q++) {
      for (let p = 0; p < k; p++) u[i * r + q] += input[i * k + p] * lora!.a[q * k + p];
    }
  }
  return { r, input, u };
}

/** y[m, n] = x Wᵀ + scale · (mask(x) Aᵀ) Bᵀ + bias + residual in f64. */
export function linearReference(c: LinearCase): Float64Array {
  const { x, w, bias, residual, lora, m, n, k } = c;
  const { r, u } = lowRank(c);
  const y = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = (bias?.[j] ?? 0) + (residual?.[i * n + j] ?? 0);
      for (let p = 0; p < k; p++) sum += x[i * k + p] * w[j * k + p];
      for (let q = 0; q < r; q++) sum += lora!.scale * u[i * r + q] * lora!.b[j * r + q];
      y[i * n + j] = sum;
    }
  }
  return y;
}

/** Gradients of Σ y · dy. */
export function linearBackwardReference(c: LinearCase, dy: ArrayLike<number>): LinearGradients {
  const { x, w, lora, m, n, k } = c;
  const { r, input, u } = lowRank(c);
  const dx = new Float64Array(m * k);
  const dw = new Float64Array(n * k);
  const bias = new Float64Array(n);
  const a = new Float64Array(r * k);
  const b = new Float64Array(n * r);
  const du = new Float64Array(m * r);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      const d = dy[i * n + j];
      bias[j] += d;
      for (let p = 0; p < k; p++) {
        dx[i * k + p] += d * w[j * k + p];
        dw[j * k + p] += d * x[i * k + p];
      }
      for (let q = 0; q < r; q++) {
        b[j * r + q] += lora!.scale * d * u[i * r + q];
        du[i * r + q] += lora!.scale * d * lora!.b[j * r + q];
      }
    }
    for (let q = 0; q < r; q++) {
      for (let p = 0; p < k; p++) {
        a[q * k + p] += du[i * r + q] * input[i * k + p];
        dx[i * k + p] += du[i * r + q] * lora!.a[q * k + p] * (lora!.mask?.[i * k + p] ?? 1);
      }
    }
  }
  return { x: dx, w: dw, bias, residual: Float64Array.from(dy), a, b };
}
