/** Per-token inputs and settings of the PPO loss; names as in kernels/ppo_loss/ppo_loss.ts. */
export interface PPOLossCase {
  logprobs: ArrayLike<number>;
  values: ArrayLike<number>;
  entropy: ArrayLike<number>;
  oldLogprobs: ArrayLike<number>;
  oldValues: ArrayLike<number>;
  advantages: ArrayLike<number>;
  returns: ArrayLike<number>;
  mask: ArrayLike<number>;
  clipRange: number;
  clipRangeValue: number;
  vfCoef: number;
}

/** The statistics by TRL's names, in f64: a transcription of TRL 0.4.1's PPOTrainer.loss. */
export function ppoLossReference(c: PPOLossCase): Record<string, number> {
  const count = Array.from(c.mask).reduce((a, b) => a + b);
  const maskedMean = (at: (i: number) => number) =>
    Array.from(c.mask).reduce((sum, m, i) => m ? sum + at(i) : sum, 0) / count;
  const clip = (x: number, low: number, high: number) => Math.max(Math.min(x, high), low);
  const ratio = (i: number) => Math.exp(c.logprobs[i] - c.oldLogprobs[i]);
  const pgLoss = (i: number) => -c.advantages[i] * ratio(i);
  const pgLoss2 = (i: number) =>
    -c.advantages[i] * clip(ratio(i), 1 - c.clipRange, 1 + c.clipRange);
  const vfLoss = (i: number) => (c.values[i] - c.returns[i]) ** 2;
  const vfLoss2 = (i: number) => {
    const old = c.oldValues[i];
    const clipped = clip(c.values[i], old - c.clipRangeValue, old + c.clipRangeValue);
    return (clipped - c.returns[i]) ** 2;
  };
  const policy = maskedMean((i) => Math.max(pgLoss(i), pgLoss2(i)));
  const value = 0.5 * maskedMean((i) => Math.max(vfLoss(i), vfLoss2(i)));
  return {
    "ppo/loss/policy": policy,
    "ppo/loss/value": value,
    "ppo/loss/total": policy + c.vfCoef * value,
    "ppo/policy/entropy": maskedMean((i) => c.entropy[i]),
    "ppo/policy/approxkl": 0.5 * maskedMean((i) => (c.logprobs[i] - c.oldLogprobs[i]) ** 2),
    "ppo/policy/policykl": maskedMean((i) => c.oldLogprobs[i] - c.logprobs[i]),
    "ppo/policy/clipfrac": maskedMean((i) => Number(pgLoss2(i) > pgLoss(i))),
    "ppo/policy/ratio": maskedMean(ratio),
    "ppo/val/vpred": maskedMean((i) => c.values[i]),
    "ppo/val/error": maskedMean(vfLoss),
    "ppo/val/clipfrac": maskedMean((i) => Number(vfLoss2(i) > vfLoss(i))),
  };
}

/** Gradients of the total loss, by central differences: exact but where a max or clamp bends. */
export function ppoLossGradientReference(
  c: PPOLossCase,
): { dLogprobs: number[]; dValues: number[] } {
  const slopes = (values: ArrayLike<number>, as: (x: number[]) => Partial<PPOLossCase>) =>
    Array.from(values, (_, i) => {
      const loss = (by: number) => {
        const moved = as(Array.from(values, (x, j) => i === j ? x + by : x));
        return ppoLossReference({ ...c, ...moved })["ppo/loss/total"];
      };
      return (loss(1e-6) - loss(-1e-6)) / 2e-6;
    });
  return {
    dLogprobs: slopes(c.logprobs, (logprobs) => ({ logprobs })),
    dValues: slopes(c.values, (values) => ({ values })),
  };
}
