import { dropout as run, type DropoutOptions } from "../../../kernels/dropout/dropout.ts";
import type { Context } from "../context.ts";
import type { Tensor } from "../tensor.ts";

/**
 * Sets elements to 0 with probability p and scales the others by 1 / (1 - p); f32 of any shape.
 * The backward pass computes the mask again from seed and stream.
 */
export function dropout(cx: Context, x: Tensor, options: DropoutOptions): Tensor {
  if (options.p === 0) return x;
  const y = cx.empty(x.shape);
  run(cx.device, y, x, x.length, options);
  cx.record(y, [x], [], (dy) => {
    const slot = cx.gradient(x);
    if (slot) run(cx.device, slot.into, dy, dy.length, options, slot.accumulate);
  });
  return y;
}

/** Dropout of a context that has it on; else x. */
export function applyDropout(cx: Context, x: Tensor, p: number): Tensor {
  return cx.dropoutSeed === null || p === 0 ? x : dropout(cx, x, cx.nextDropout(p));
}
