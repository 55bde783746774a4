import type { GoldenArrays } from "./cases.ts";

/** The rows of a padded [batch, longest] array of ids, as far as `maskName` (default: all) counts them. */
export function rows(arrays: GoldenArrays, name: string, maskName?: string): number[][] {
  const [batch, longest] = arrays.shape(name);
  const ids = arrays.ints(name);
  const mask = maskName ? arrays.ints(maskName) : null;
  return Array.from({ length: batch }, (_, b) => {
    const row = [...ids.subarray(b * longest, (b + 1) * longest)];
    return mask ? row.filter((_, i) => mask[b * longest + i] === 1) : row;
  });
}

/** The counted rows of a padded [batch, longest, width] array, packed as the model's outputs are. */
export function packedRows(
  arrays: GoldenArrays,
  name: string,
  lengths: readonly number[],
): Float32Array {
  const [, longest, width] = arrays.shape(name);
  const padded = arrays.floats(name);
  const out: number[] = [];
  lengths.forEach((length, b) => {
    const start = b * longest * width;
    out.push(...padded.subarray(start, start + length * width));
  });
  return Float32Array.from(out);
}
