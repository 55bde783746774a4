import type { ActivationKind } from "../../kernels/activation/activation.ts";

/** The error function, by its Taylor series (enough digits up to |x| = 5, ±1 in f64's eyes after 6). */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n++) {
    term *= -x * x / n;
    sum += term / (2 * n + 1);
  }
  return sum * 2 / Math.sqrt(Math.PI);
}

const inner = (x: number) => Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);

/** The functions as Hugging Face's transformers writes them. */
export const functions: Record<ActivationKind, (x: number) => number> = {
  relu: (x) => Math.max(x, 0),
  gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  gelu_new: (x) => 0.5 * x * (1 + Math.tanh(inner(x))),
  silu: (x) => x / (1 + Math.exp(-x)),
  tanh: Math.tanh,
};

/** Their derivatives. */
export const derivatives: Record<ActivationKind, (x: number) => number> = {
  relu: (x) => x > 0 ? 1 : 0,
  gelu: (x) => {
    const density = Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
    return 0.5 * (1 + erf(x / Math.SQRT2)) + x * density;
  },
  gelu_new: (x) => {
    const t = Math.tanh(inner(x));
    const dInner = Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * dInner;
  },
  silu: (x) => {
    const s = 1 / (1 + Math.exp(-x));
    return s * (1 + x * (1 - s));
  },
  tanh: (x) => 1 - Math.tanh(x) ** 2,
};
