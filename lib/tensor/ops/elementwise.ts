import * as kernels from "../../../kernels/elementwise/elementwise.ts";
import type { Context } from "../context.ts";
import type { Tensor } from "../tensor.ts";

/** a + b, element by element; f32 of equal shapes. */
export function add(cx: Context, a: Tensor, b: Tensor): Tensor {
  const out = cx.empty(a.shape);
  kernels.add(cx.device, out, a, b, a.length);
  cx.record(out, [a, b], [], (dy) => {
    for (const input of [a, b]) addGradient(cx, input, dy);
  });
  return out;
}

/** Adds `dy` to the gradient of an input of equal shape, if it wants one. */
export function addGradient(cx: Context, input: Tensor, dy: Tensor): void {
  const slot = cx.gradient(input);
  if (slot) kernels.add(cx.device, slot.into, slot.accumulate ? slot.into : null, dy, dy.length);
}

/** factor · x; f32 of any shape. */
export function scale(cx: Context, x: Tensor, factor: number): Tensor {
  const y = cx.empty(x.shape);
  kernels.scale(cx.device, y, x, x.length, factor);
  cx.record(y, [x], [], (dy) => {
    const slot = cx.gradient(x);
    if (slot) kernels.scale(cx.device, slot.into, dy, dy.length, factor, slot.accumulate);
  });
  return y;
}

/** Hidden states whose logits are those of `hidden` divided by the temperature. */
export function atTemperature(cx: Context, hidden: Tensor, temperature: number): Tensor {
  return temperature === 1 ? hidden : scale(cx, hidden, 1 / temperature);
}
