/** Holds the KL coefficient, the price of distance from the reference policy. */
export interface KLController {
  /** The current coefficient; set it to resume. */
  coef: number;
  /**
   * Reacts to the KL of a batch.
   * @param kl mean KL of a rollout, in nats
   * @param rollouts size of the batch
   */
  update(kl: number, rollouts: number): void;
}

/**
 * Proportional control towards a target KL: Ziegler et al. 2019, "Fine-tuning language models from
 * human preferences" (https://arxiv.org/abs/1909.08593), section 2.2. The proportional error is
 * clipped to ±0.2.
 */
export class AdaptiveKLController implements KLController {
  /** Starts at `coef`. */
  constructor(
    public coef: number,
    /** KL aimed at, in nats a rollout. */
    readonly target: number,
    /** Rollouts over which the coefficient reacts. */
    readonly horizon: number,
  ) {}

  /** Reacts to the KL of a batch. */
  update(kl: number, rollouts: number): void {
    const error = Math.min(0.2, Math.max(-0.2, kl / this.target - 1));
    this.coef *= 1 + error * rollouts / this.horizon;
  }
}

/** A coefficient that stays as it is. */
export class FixedKLController implements KLController {
  /** Stays at `coef`. */
  constructor(public coef: number) {}

  /** Does nothing. */
  update(): void {}
}
