/** Cosines and sines as `rotaryTable` lays them out, from angles in f64. */
export function rotaryTable(frequencies: ArrayLike<number>, positions: number): Float64Array {
  const half = frequencies.length;
  return Float64Array.from({ length: positions * 2 * half }, (_, at) => {
    const angle = Math.floor(at / (2 * half)) * frequencies[at % half];
    return at % (2 * half) < half ? Math.cos(angle) : Math.sin(angle);
  });
}

/** Each head of x, [rows, heads · headSize], rotated by its row's position: x cos + [-x₂, x₁] sin. */
export function rotate(
  x: Float64Array,
  table: Float64Array,
  positions: ArrayLike<number>,
  headSize: number,
  direction: 1 | -1 = 1,
): Float64Array {
  const half = headSize / 2;
  const width = x.length / positions.length;
  return x.map((value, at) => {
    const angles = positions[Math.floor(at / width)] * headSize;
    const i = at % headSize;
    const cos = table[angles + i % half];
    const sin = direction * table[angles + half + i % half];
    return i < half ? value * cos - x[at + half] * sin : value * cos + x[at - half] * sin;
  });
}
