/**
 * Rounds values to bf16, ties to even. Returns their bits, the upper half of an f32. NaN stays NaN.
 */
export function toBf16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    // Rounding up would carry a NaN's mantissa into its exponent and sign.
    out[i] = (bits[i] & 0x7fffffff) > 0x7f800000
      ? bits[i] >>> 16 | 0x40
      : (bits[i] + 0x7fff + ((bits[i] >>> 16) & 1)) >>> 16;
  }
  return out;
}
