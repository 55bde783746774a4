import type { Device, Span } from "../../lib/device/device.ts";

const BLOCK = 16384;

/** Sets `length` f32 elements to a value. */
export function fill(device: Device, x: Span, length: number, value: number): void {
  device.run("fill", Math.ceil(length / BLOCK), [x], [length], [value]);
}
