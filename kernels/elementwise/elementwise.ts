import type { Device, Span } from "../../lib/device/device.ts";
import { bindablePieces, elementGroups, part, wgsl } from "../wgsl.ts";
import addCode from "./add.wgsl" with { type: "text" };
import fillCode from "./fill.wgsl" with { type: "text" };
import scaleCode from "./scale.wgsl" with { type: "text" };
import { ADD, BLOCK, FILL, SCALE } from "./signatures.ts";

const fillShader = wgsl(FILL, "elementwise/fill.wgsl", fillCode)();
const addShader = wgsl(ADD, "elementwise/add.wgsl", addCode)();
const scaleShader = wgsl(SCALE, "elementwise/scale.wgsl", scaleCode)();

/** Sets `length` f32 elements to a value. */
export function fill(device: Device, x: Span, length: number, value: number): void {
  if (device.kind === "webgpu") {
    for (const { first, count } of bindablePieces(device, length)) {
      const piece = { x: part(x, first, count), length: count, value };
      device.dispatch(fillShader, elementGroups(count), piece);
    }
  } else device.run(FILL, Math.ceil(length / BLOCK), { x, length, value });
}

/** out = a + b, f32 [length]; without `a`, a copy of b. `out` may be `a` or `b`. */
export function add(device: Device, out: Span, a: Span | null, b: Span, length: number): void {
  if (device.kind === "webgpu") {
    for (const { first, count } of bindablePieces(device, length)) {
      device.dispatch(addShader, elementGroups(count), {
        out: part(out, first, count),
        a: a && part(a, first, count),
        b: part(b, first, count),
        length: count,
      });
    }
  } else device.run(ADD, Math.ceil(length / BLOCK), { out, a, b, length });
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
  if (device.kind === "webgpu") {
    for (const { first, count } of bindablePieces(device, length)) {
      device.dispatch(scaleShader, elementGroups(count), {
        y: part(y, first, count),
        x: part(x, first, count),
        length: count,
        accumulate,
        factor,
      });
    }
  } else device.run(SCALE, Math.ceil(length / BLOCK), { y, x, length, accumulate, factor });
}
