import type { Device, Span } from "../../lib/device/device.ts";
import { elementGroups, wgsl } from "../wgsl.ts";
import code from "./dropout.wgsl" with { type: "text" };
import { BLOCK, DROPOUT } from "./signatures.ts";

const dropoutShader = wgsl(DROPOUT, "dropout/dropout.wgsl", code)();

/** The probability and the keys of a dropout mask. */
export interface DropoutOptions {
  /** The probability with which an element becomes 0; 0 <= p < 1. */
  readonly p: number;
  /** The run's seed: 32 bits. */
  readonly seed: number;
  /** Tells masks of one seed apart (which step, which layer): 32 bits. */
  readonly stream: number;
}

/**
 * y = x · mask / (1 - p). The mask of an element depends only on seed, stream and the element's
 * index: Philox4x32-10 with key (seed, stream) and counter (⌊index / 4⌋, 0, 0, 1) gives four words,
 * and an element is kept when its word's upper 24 bits, as a fraction, are at least p. So the
 * backward pass is the same function: dx = dy · mask / (1 - p).
 *
 * @param y f32 [length], added to with `accumulate`; may be `x`
 * @param x f32 [length]
 */
export function dropout(
  device: Device,
  y: Span,
  x: Span,
  length: number,
  { p, seed, stream }: DropoutOptions,
  accumulate = false,
): void {
  const args = { y, x, length, seed, stream, accumulate, p, factor: 1 / (1 - p) };
  if (device.kind === "webgpu") {
    // A thread takes four elements: one counter's words.
    return device.dispatch(dropoutShader, elementGroups(length / 4), args);
  }
  device.run(DROPOUT, Math.ceil(length / BLOCK), args);
}
