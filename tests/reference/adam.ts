/** torch.optim's Adam and AdamW after clip_grad_norm_, in f64, written as torch's documentation does. */
export class AdamReference {
  #m: Float64Array;
  #v: Float64Array;
  #t = 0;

  constructor(
    readonly theta: Float64Array,
    readonly options: {
      betas: readonly [number, number];
      eps: number;
      weightDecay: number;
      decoupled: boolean;
    },
  ) {
    this.#m = new Float64Array(theta.length);
    this.#v = new Float64Array(theta.length);
  }

  step(gradient: Float64Array, lr: number, maxGradNorm: number | null): void {
    const { betas: [beta1, beta2], eps, weightDecay, decoupled } = this.options;
    const norm = Math.hypot(...gradient);
    const clip = maxGradNorm === null ? 1 : Math.min(1, maxGradNorm / (norm + 1e-6));
    this.#t++;
    for (let i = 0; i < gradient.length; i++) {
      let g = gradient[i] * clip;
      if (decoupled) this.theta[i] -= lr * weightDecay * this.theta[i];
      else g += weightDecay * this.theta[i];
      this.#m[i] = beta1 * this.#m[i] + (1 - beta1) * g;
      this.#v[i] = beta2 * this.#v[i] + (1 - beta2) * g * g;
      const mHat = this.#m[i] / (1 - beta1 ** this.#t);
      const vHat = this.#v[i] / (1 - beta2 ** this.#t);
      this.theta[i] -= lr * mHat / (Math.sqrt(vHat) + eps);
    }
  }
}
