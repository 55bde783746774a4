import type { Device, Span } from "../../lib/device/device.ts";
import { bindablePieces, elementGroups, part, wgsl } from "../wgsl.ts";
import code from "./elementwise.wgsl" with { type: "text" };

const shader = wgsl("elementwise", code);
const FILL = shader("fill", 1);
const ADD = shader("add", 1);
const SCALE = shader("scale", 1);

/** Elements per task; mirrored in elementwise.wasm.ts. */
const BLOCK = 16384;

/** Sets `length` f32 elements to a value. */
export function fill(device: Device, x: Span, length: number, value: number): void {
  if (device.kind === "webgpu") {
    for (const { first, count } of bindablePieces(device, length)) {
      device.dispatch(FILL, elementGroups(count), [part(x, first, count)], [count], [value]);
    }
  } else device.run("fill", Math.ceil(length / BLOCK), [x], [length], [value]);
}

/** out = a + b, f32 [length]; without `a`, a copy of b. `out` may be `a` or `b`. */
export function add(device: Device, out: Span, a: Span | null, b: Span, length: number): void {
  if (device.kind === "webgpu") {
    for (const { first, count } of bindablePieces(device, length)) {
      const spans = [out, a, b].map((span) => span && part(span, first, count));
      device.dispatch(ADD, elementGroups(count), spans, [count]);
    }
  } else device.run("add", Math.ceil(length / BLOCK), [out, a, b], [length]);
}

/** y = factor · x, added to what is there with `accumulate`; f32 [length]. `y` may be `x`. */
export function scale(
  device: Device,
  y: Span,
  x: Span,
  length: number,
  factor: number,
  accumulate = false,
): void {
  const adds = Number(accumulate);
  if (device.kind === "webgpu") {
    for (const { first, count } of bindablePieces(device, length)) {
      const spans = [part(y, first, count), part(x, first, count)];
      device.dispatch(SCALE, elementGroups(count), spans, [count, adds], [factor]);
    }
  } else device.run("scale", Math.ceil(length / BLOCK), [y, x], [length, adds], [factor]);
}
