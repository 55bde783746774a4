/** out[i, :] = table[ids[i], :] */
export function embedding(table: Float64Array, ids: Int32Array, width: number): Float64Array {
  const out = new Float64Array(ids.length * width);
  ids.forEach((id, i) => out.set(table.subarray(id * width, (id + 1) * width), i * width));
  return out;
}

/** dTable[ids[i], :] += dOut[i, :] */
export function embeddingBackward(
  dTable: Float64Array,
  dOut: Float64Array,
  ids: Int32Array,
  width: number,
): void {
  ids.forEach((id, i) => {
    for (let c = 0; c < width; c++) dTable[id * width + c] += dOut[i * width + c];
  });
}
