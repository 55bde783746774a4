import {
  activation as run,
  activationBackward,
  type ActivationKind,
} from "../../../kernels/activation/activation.ts";
import type { Context } from "../context.ts";
import type { Tensor } from "../tensor.ts";

/** y = f(x), element by element; f32 of any shape. */
export function activation(cx: Context, x: Tensor, kind: ActivationKind): Tensor {
  const y = cx.empty(x.shape);
  const compute = () => run(cx.device, y, x, null, kind, x.length);
  compute();
  const backward = (dy: Tensor) => {
    activationBackward(cx.device, cx.gradient(x), null, dy, x, null, kind, x.length);
  };
  cx.record(y, [x], [x], backward, compute);
  return y;
}

/** y = f(x) · gate, element by element: the feed-forward of T5 v1.1. Shapes are equal. */
export function gatedActivation(
  cx: Context,
  x: Tensor,
  gate: Tensor,
  kind: ActivationKind,
): Tensor {
  const y = cx.empty(x.shape);
  const compute = () => run(cx.device, y, x, gate, kind, x.length);
  compute();
  const backward = (dy: Tensor) => {
    const dx = cx.gradient(x);
    const dGate = cx.gradient(gate);
    activationBackward(cx.device, dx, dGate, dy, x, gate, kind, x.length);
  };
  cx.record(y, [x, gate], [x, gate], backward, compute);
  return y;
}
