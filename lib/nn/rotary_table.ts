/**
 * Angles of rotary positions (Su et al. 2021), in steps of f32 as transformers computes them
 * (modeling_rope_utils.py and LlamaRotaryEmbedding).
 */

const f32 = Math.fround;

/** `rope_scaling` of Llama 3.1 and later. */
export interface Llama3Scaling {
  /** Divides the lowest frequencies. */
  readonly factor: number;
  readonly lowFreqFactor: number;
  readonly highFreqFactor: number;
  /** Positions that the model was trained on before its context was extended. */
  readonly originalMaxPositionEmbeddings: number;
}

/**
 * Inverse frequencies theta^(-2i / headSize), [headSize / 2]: radians of a pair of elements from one
 * position to the next.
 */
export function rotaryFrequencies(theta: number, headSize: number): Float32Array<ArrayBuffer> {
  return Float32Array.from(
    { length: headSize / 2 },
    (_, i) => f32(1 / f32(theta ** f32(2 * i / headSize))),
  );
}

/** Inverse frequencies of `rope_scaling` "linear": all of them divided by `factor`. */
export function scaleLinearly(
  frequencies: Float32Array,
  factor: number,
): Float32Array<ArrayBuffer> {
  return Float32Array.from(frequencies, (frequency) => frequency / factor);
}

/**
 * Inverse frequencies of `rope_scaling` "llama3": high ones stay, low ones are divided by `factor`,
 * and those between are interpolated.
 */
export function scaleAsLlama3(
  frequencies: Float32Array,
  { factor, lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings: length }: Llama3Scaling,
): Float32Array<ArrayBuffer> {
  const longest = length / lowFreqFactor;
  const shortest = length / highFreqFactor;
  return Float32Array.from(frequencies, (frequency) => {
    // torch divides a number by a tensor as the number times the reciprocal.
    const wavelength = f32(f32(1 / frequency) * f32(2 * Math.PI));
    if (wavelength > longest) return frequency / factor;
    if (wavelength < shortest) return frequency;
    const periods = f32(f32(1 / wavelength) * length);
    const smooth = f32(f32(periods - lowFreqFactor) / (highFreqFactor - lowFreqFactor));
    return f32(f32(f32(1 - smooth) * frequency) / factor) + f32(smooth * frequency);
  });
}

/**
 * Cosines and sines of the positions 0, 1, …: [positions, headSize], in each row headSize / 2 cosines
 * and then as many sines.
 *
 * @param frequencies inverse frequencies, [headSize / 2]
 */
export function rotaryTable(
  frequencies: Float32Array,
  positions: number,
): Float32Array<ArrayBuffer> {
  const half = frequencies.length;
  const table = new Float32Array(positions * 2 * half);
  for (let position = 0; position < positions; position++) {
    const row = position * 2 * half;
    frequencies.forEach((frequency, i) => {
      const angle = f32(position * frequency);
      table[row + i] = Math.cos(angle);
      table[row + half + i] = Math.sin(angle);
    });
  }
  return table;
}
