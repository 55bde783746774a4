/** Element type of a tensor in a file, by its name in safetensors. */
export type FileDType =
  | ("U64" | "I64" | "F64")
  | ("U32" | "I32" | "F32")
  | ("U16" | "I16" | "F16" | "BF16")
  | ("U8" | "I8" | "F8_E4M3" | "F8_E5M2" | "BOOL");

/** Bytes of one element. */
export const ELEMENT_BYTES: Readonly<Record<FileDType, number>> = {
  U64: 8,
  I64: 8,
  F64: 8,
  U32: 4,
  I32: 4,
  F32: 4,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  BOOL: 1,
};

/**
 * Widens or rounds little-endian elements to f32; null when the type is not F32, F16, BF16 or F64.
 */
export function decodeFloats(
  { buffer }: Uint8Array<ArrayBuffer>,
  dtype: FileDType,
): Float32Array<ArrayBuffer> | null {
  switch (dtype) {
    case "F32":
      return new Float32Array(buffer);
    case "F64":
      return new Float32Array(new Float64Array(buffer));
    case "F16":
      return new Float32Array(new Float16Array(buffer));
    case "BF16":
      return widenBf16(new Uint16Array(buffer));
    default:
      return null;
  }
}

/**
 * Widens bf16, the upper half of an f32. A loop: `from` with a function takes twenty times as long.
 */
function widenBf16(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) words[i] = halves[i] << 16;
  return new Float32Array(words.buffer);
}
