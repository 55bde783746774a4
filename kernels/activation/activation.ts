import type { Device, Span } from "../../lib/device/device.ts";
import { elementGroups, wgsl } from "../wgsl.ts";
import code from "./activation.wgsl" with { type: "text" };
import valueAndSlope from "./value_and_slope.wgsl" with { type: "text" };

const shader = wgsl("activation", code, valueAndSlope);
const FORWARD = shader("activation", 1);
const BACKWARD = shader("activation_backward", 2);

/**
 * relu; gelu in its exact form, x · Φ(x); gelu_new, its approximation by tanh
 * (Hendrycks and Gimpel 2016), which Hugging Face names so; tanh.
 */
export type ActivationKind = "relu" | "gelu" | "gelu_new" | "tanh";

/** Numbers of the kinds; mirrored in activation.wasm.ts and value_and_slope.wgsl. */
export const ACTIVATION_KINDS: Readonly<Record<ActivationKind, number>> = {
  relu: 0,
  gelu: 1,
  gelu_new: 2,
  tanh: 3,
};
/** Elements per task; mirrored in activation.wasm.ts. */
const BLOCK = 2048;

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
  const spans = [y, x, gate];
  const ints = [length, ACTIVATION_KINDS[kind]];
  if (device.kind === "webgpu") device.dispatch(FORWARD, elementGroups(length), spans, ints);
  else device.run("activation", Math.ceil(length / BLOCK), spans, ints);
}

/** Where a gradient goes. */
export interface GradientSpan {
  /** f32 [length] */
  into: Span;
  /** Whether it is added to what is there. */
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
  const spans = [dx?.into ?? null, dGate?.into ?? null, dy, x, gate];
  const accumulate = [dx, dGate].map((slot) => Number(slot?.accumulate ?? false));
  const ints = [length, ACTIVATION_KINDS[kind], ...accumulate];
  if (device.kind === "webgpu") device.dispatch(BACKWARD, elementGroups(length), spans, ints);
  else device.run("activation_backward", Math.ceil(length / BLOCK), spans, ints);
}
