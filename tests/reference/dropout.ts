import type { DropoutOptions } from "../../kernels/dropout/dropout.ts";
import { philox4x32, uniform } from "./philox.ts";

/** Factors of the elements: 0 or 1 / (1 - p). */
export function dropoutMask(length: number, { p, seed, stream }: DropoutOptions): Float64Array {
  const mask = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const words = philox4x32([i >> 2, 0, 0, 1], [seed >>> 0, stream >>> 0]);
    mask[i] = uniform(words[i & 3]) >= Math.fround(p) ? 1 / (1 - p) : 0;
  }
  return mask;
}
