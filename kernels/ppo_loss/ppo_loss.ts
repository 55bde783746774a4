import type { Device, Span } from "../../lib/device/device.ts";
import { wgsl } from "../wgsl.ts";
import code from "./ppo_loss.wgsl" with { type: "text" };
import { PPO_LOSS } from "./signatures.ts";

const lossShader = wgsl(PPO_LOSS, "ppo_loss/ppo_loss.wgsl", code)();

/** The statistics in the order in which {@linkcode ppoLoss} leaves them, by their TRL names. */
export const PPO_LOSS_STATISTICS = [
  "ppo/loss/policy",
  "ppo/loss/value",
  "ppo/loss/total",
  "ppo/policy/entropy",
  "ppo/policy/approxkl",
  "ppo/policy/policykl",
  "ppo/policy/clipfrac",
  "ppo/policy/ratio",
  "ppo/val/vpred",
  "ppo/val/error",
  "ppo/val/clipfrac",
] as const;

/** Inputs of the loss; every span is f32 [tokens]. Those from `oldLogprobs` on lie in one block. */
export interface PPOLossInputs {
  /** Logprobs of the policy that is being trained. */
  readonly logprobs: Span;
  readonly values: Span;
  readonly entropy: Span;
  /** Logprobs of the policy that generated. */
  readonly oldLogprobs: Span;
  readonly oldValues: Span;
  /** Whitened already. */
  readonly advantages: Span;
  readonly returns: Span;
  /** 1 where a token counts, 0 where it does not. At least one counts, or all results are NaN. */
  readonly mask: Span;
  readonly tokens: number;
}

/** Settings of the loss, as in TRL's PPOConfig. */
export interface PPOLossOptions {
  readonly clipRange: number;
  readonly clipRangeValue: number;
  readonly vfCoef: number;
  /**
   * Multiplies the gradients, not the statistics: a minibatch's share of the counted tokens when
   * several are accumulated, so that together they weigh as one.
   */
  readonly gradScale: number;
}

/** Results of the loss. */
export interface PPOLossOutputs {
  /** f32 [PPO_LOSS_STATISTICS.length] */
  readonly statistics: Span;
  /** f32 [tokens], gradient of the total loss */
  readonly dLogprobs: Span;
  /** f32 [tokens] */
  readonly dValues: Span;
}

/**
 * The clipped PPO loss (Schulman et al. 2017, as in TRL 0.4.1) over the counted tokens:
 * mean of max(-A·r, -A·clamp(r, 1 ± clipRange)), r = e^(logprob - oldLogprob), plus vfCoef times
 * ½ mean of max((v - R)², (clamp(v, oldV ± clipRangeValue) - R)²). Where the two sides of a max
 * are equal each gets half of the gradient, as torch does it.
 */
export function ppoLoss(
  device: Device,
  inputs: PPOLossInputs,
  options: PPOLossOptions,
  outputs: PPOLossOutputs,
): void {
  const { clipRange, clipRangeValue, vfCoef, gradScale } = options;
  const scalars = { clipRange, clipRangeValue, vfCoef, gradScale };
  const args = { ...outputs, ...inputs, ...scalars };
  if (device.kind === "webgpu") device.dispatch(lossShader, 1, args);
  else device.run(PPO_LOSS, 1, args);
}
