import { PpoLossArgs } from "./args.wasm";
import { exp4 } from "../math.wasm";

/** The PPO loss, its statistics and its gradients; one task, sums in f64 in the order of the tokens. */
export function ppo_loss(args: PpoLossArgs, task: i32, scratch: usize): void {
  const statistics = args.statistics;
  const dLogprobs = args.dLogprobs;
  const dValues = args.dValues;
  const logprobs = args.logprobs;
  const values = args.values;
  const oldLogprobs = args.oldLogprobs;
  const oldValues = args.oldValues;
  const advantages = args.advantages;
  const returns = args.returns;
  const mask = args.mask;
  const entropies = args.entropy;
  const bytes = <usize>args.tokens << 2;
  const clipRange: f64 = args.clipRange;
  const clipRangeValue: f64 = args.clipRangeValue;
  const vfCoef: f64 = args.vfCoef;
  const gradScale: f64 = args.gradScale;

  let counted: f64 = 0;
  for (let i: usize = 0; i < bytes; i += 4) counted += load<f32>(mask + i);
  const weight = 1 / counted;

  let policyLoss: f64 = 0, valueLoss: f64 = 0, entropy: f64 = 0, squaredChange: f64 = 0;
  let change: f64 = 0, policyClipped: f64 = 0, ratios: f64 = 0, predictions: f64 = 0;
  let squaredError: f64 = 0, valuesClipped: f64 = 0;
  for (let i: usize = 0; i < bytes; i += 4) {
    // Uncounted positions may hold anything, NaN included.
    if (load<f32>(mask + i) == 0) {
      store<f32>(dLogprobs + i, 0);
      store<f32>(dValues + i, 0);
      continue;
    }
    const difference = load<f32>(logprobs + i) - load<f32>(oldLogprobs + i);
    const ratio: f64 = f32x4.extract_lane(exp4(f32x4.splat(difference)), 0);
    const advantage: f64 = load<f32>(advantages + i);
    const low = 1 - clipRange;
    const high = 1 + clipRange;
    const loss = -advantage * ratio;
    const clippedLoss = -advantage * min(max(ratio, low), high);
    policyLoss += max(loss, clippedLoss);
    policyClipped += clippedLoss > loss ? 1 : 0;
    // d ratio / d logprob = ratio; the clamp passes it within its bounds, them included.
    const inside: f64 = ratio >= low && ratio <= high ? 1 : 0;
    const share = shareOfMax(loss, clippedLoss);
    const slope = -advantage * ratio * (share + (1 - share) * inside);
    store<f32>(dLogprobs + i, <f32>(gradScale * weight * slope));

    const value: f64 = load<f32>(values + i);
    const oldValue: f64 = load<f32>(oldValues + i);
    const target: f64 = load<f32>(returns + i);
    const lowValue = oldValue - clipRangeValue;
    const highValue = oldValue + clipRangeValue;
    const lowered = min(value, highValue);
    const clipped = max(lowered, lowValue);
    const error = (value - target) * (value - target);
    const clippedError = (clipped - target) * (clipped - target);
    valueLoss += 0.5 * max(error, clippedError);
    valuesClipped += clippedError > error ? 1 : 0;
    const valueShare = shareOfMax(error, clippedError);
    const passed = shareOfMax(highValue, value) * shareOfMax(lowered, lowValue);
    const valueSlope = valueShare * (value - target) +
      (1 - valueShare) * (clipped - target) * passed;
    store<f32>(dValues + i, <f32>(gradScale * vfCoef * weight * valueSlope));

    entropy += load<f32>(entropies + i);
    squaredChange += <f64>difference * <f64>difference;
    change += difference;
    ratios += ratio;
    predictions += value;
    squaredError += error;
  }
  const total = <f32>((policyLoss + vfCoef * valueLoss) * weight);
  if (!isFinite(total)) {
    // The optimizer makes no update from a gradient that is not finite: nor should it from this loss.
    for (let i: usize = 0; i < bytes; i += 4) store<f32>(dLogprobs + i, f32.NaN);
  }
  // The order of PPO_LOSS_STATISTICS in ppo_loss.ts.
  store<f32>(statistics, <f32>(policyLoss * weight));
  store<f32>(statistics, <f32>(valueLoss * weight), 4);
  store<f32>(statistics, total, 8);
  store<f32>(statistics, <f32>(entropy * weight), 12);
  store<f32>(statistics, <f32>(0.5 * squaredChange * weight), 16);
  store<f32>(statistics, <f32>(-change * weight), 20);
  store<f32>(statistics, <f32>(policyClipped * weight), 24);
  store<f32>(statistics, <f32>(ratios * weight), 28);
  store<f32>(statistics, <f32>(predictions * weight), 32);
  store<f32>(statistics, <f32>(squaredError * weight), 36);
  store<f32>(statistics, <f32>(valuesClipped * weight), 40);
}

/** The part of the gradient of max(a, b) that goes to a; torch splits it where they are equal. */
// @ts-ignore: decorator
@inline
function shareOfMax(a: f64, b: f64): f64 {
  return a > b ? 1 : a == b ? 0.5 : 0;
}
