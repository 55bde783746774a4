import type { Device, Span } from "../../lib/device/device.ts";
import { elementGroups, wgsl } from "../wgsl.ts";
import code from "./activation.wgsl" with { type: "text" };
import backwardCode from "./activation_backward.wgsl" with { type: "text" };
import { ACTIVATION, ACTIVATION_BACKWARD, ACTIVATION_NUMBERS, BLOCK } from "./signatures.ts";
import valueAndSlope from "./value_and_slope.wgsl" with { type: "text" };

const shared = valueAndSlope;
const activationShader = wgsl(ACTIVATION, "activation/activation.wgsl", code, { shared })();
const backwardShader = wgsl(
  ACTIVATION_BACKWARD,
  "activation/activation_backward.wgsl",
  backwardCode,
  { shared },
)();

/**
 * relu; gelu in its exact form, x · Φ(x); gelu_new, its approximation by tanh
 * (Hendrycks and Gimpel 2016), which Hugging Face names so; silu, x · sigmoid(x) (Elfwing et al.
 * 2017); tanh.
 */
export type ActivationKind = "relu" | "gelu" | "gelu_new" | "silu" | "tanh";

/** Numbers of the functions in kernels. */
export const ACTIVATION_KINDS: Readonly<Record<ActivationKind, number>> = {
  relu: ACTIVATION_NUMBERS.RELU,
  gelu: ACTIVATION_NUMBERS.GELU,
  gelu_new: ACTIVATION_NUMBERS.GELU_NEW,
  silu: ACTIVATION_NUMBERS.SILU,
  tanh: ACTIVATION_NUMBERS.TANH,
};

/**
 * y = f(x), or with a gate y = f(x) · gate.
 *
 * @param y f32 [length]; may be `x` or `gate`
 * @param x f32 [length]
 * @param gate f32 [length] or null
 */
export function activation(
  device: Device,
  y: Span,
  x: Span,
  gate: Span | null,
  kind: ActivationKind,
  length: number,
): void {
  const args = { y, x, gate, length, kind: ACTIVATION_KINDS[kind] };
  if (device.kind === "webgpu") device.dispatch(activationShader, elementGroups(length), args);
  else device.run(ACTIVATION, Math.ceil(length / BLOCK), args);
}

/** Destination of a gradient. */
export interface GradientSpan {
  /** f32 [length] */
  into: Span;
  /** Adds to what is there instead of overwriting it. */
  accumulate: boolean;
}

/**
 * Gradients of {@linkcode activation}: dx = dy · f'(x) (· gate) and dGate = dy · f(x).
 *
 * @param dx where to put dx; null when it is not wanted
 * @param dGate where to put dGate; null when it is not wanted or there is no gate
 */
export function activationBackward(
  device: Device,
  dx: GradientSpan | null,
  dGate: GradientSpan | null,
  dy: Span,
  x: Span,
  gate: Span | null,
  kind: ActivationKind,
  length: number,
): void {
  const args = {
    dx: dx?.into ?? null,
    dGate: dGate?.into ?? null,
    dy,
    x,
    gate,
    length,
    kind: ACTIVATION_KINDS[kind],
    accumulateX: dx?.accumulate ?? false,
    accumulateGate: dGate?.accumulate ?? false,
  };
  if (device.kind === "webgpu") device.dispatch(backwardShader, elementGroups(length), args);
  else device.run(ACTIVATION_BACKWARD, Math.ceil(length / BLOCK), args);
}
