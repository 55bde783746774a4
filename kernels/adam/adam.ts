import type { Device, Span } from "../../lib/device/device.ts";
import { bindablePieces, elementGroups, part, wgsl } from "../wgsl.ts";
import code from "./adam.wgsl" with { type: "text" };
import { ADAM, BLOCK } from "./signatures.ts";

const adamShader = wgsl(ADAM, "adam/adam.wgsl", code)();

/** The buffers of an update. */
export interface AdamBuffers {
  /** f32 [length], updated. */
  values: Span;
  /** f32 [length] */
  gradients: Span;
  /** f32 [length], updated. */
  firstMoment: Span;
  /** f32 [length], updated. */
  secondMoment: Span;
  /** f32 [1]: the norm of the whole gradient. */
  gradNorm: Span;
}

/** The numbers of an update. */
export interface AdamOptions {
  /** Step size. */
  learningRate: number;
  /** Decay of the two moments. */
  betas: readonly [number, number];
  /** Added to the denominator. */
  eps: number;
  /** Pull of the values towards zero. */
  weightDecay: number;
  /** AdamW: the decay shrinks the values instead of joining the gradient. */
  decoupled: boolean;
  /** Number of this update, from 1: corrects the moments' bias. */
  step: number;
  /** The gradient is scaled by min(1, maxGradNorm / (norm + 1e-6)); 0 leaves it alone. */
  maxGradNorm: number;
}

/**
 * One update as torch.optim.Adam and AdamW do it, after torch's clip_grad_norm_:
 * m ← m + (1 - β₁)(g - m), v ← β₂ v + (1 - β₂) g², θ ← θ - lr / (1 - β₁ᵗ) · m / (√v / √(1 - β₂ᵗ) + eps).
 * Changes nothing when the gradient's norm is not finite.
 *
 * @param length elements, a multiple of 4
 */
export function adam(
  device: Device,
  { values, gradients, firstMoment, secondMoment, gradNorm }: AdamBuffers,
  length: number,
  options: AdamOptions,
): void {
  const { learningRate, betas: [beta1, beta2], eps, weightDecay, decoupled, step } = options;
  const scalars = {
    norm: gradNorm,
    stepSize: learningRate / (1 - beta1 ** step),
    change1: 1 - beta1,
    beta2,
    change2: 1 - beta2,
    correction2: Math.sqrt(1 - beta2 ** step),
    eps,
    gradientDecay: decoupled ? 0 : weightDecay,
    keep: decoupled ? 1 - learningRate * weightDecay : 1,
    maxNorm: options.maxGradNorm,
  };
  if (device.kind === "webgpu") {
    for (const { first, count } of bindablePieces(device, length)) {
      device.dispatch(adamShader, elementGroups(count), {
        ...scalars,
        values: part(values, first, count),
        firstMoment: part(firstMoment, first, count),
        secondMoment: part(secondMoment, first, count),
        gradients: part(gradients, first, count),
        length: count,
      });
    }
    return;
  }
  const packed = { values, firstMoment, secondMoment, gradients, length };
  device.run(ADAM, Math.ceil(length / BLOCK), { ...packed, ...scalars });
}
