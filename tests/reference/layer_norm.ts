/** y = (x - mean) / √(variance + eps) · weight + bias over rows of weight.length elements, in f64. */
export function layerNorm(
  x: Float64Array,
  weight: Float64Array,
  bias: Float64Array,
  eps: number,
): Float64Array {
  const width = weight.length;
  const { normed } = normalize(x, width, eps);
  return normed.map((n, i) => n * weight[i % width] + bias[i % width]);
}

/** Gradients of x, weight and bias. */
export function layerNormBackward(
  dy: Float64Array,
  x: Float64Array,
  weight: Float64Array,
  eps: number,
): { dx: Float64Array; dWeight: Float64Array; dBias: Float64Array } {
  const width = weight.length;
  const { normed, rstd } = normalize(x, width, eps);
  const dx = new Float64Array(x.length);
  const dWeight = new Float64Array(width);
  const dBias = new Float64Array(width);
  for (let row = 0; row < x.length; row += width) {
    let meanG = 0;
    let meanGN = 0;
    for (let c = 0; c < width; c++) {
      const g = dy[row + c] * weight[c];
      meanG += g / width;
      meanGN += g * normed[row + c] / width;
      dWeight[c] += dy[row + c] * normed[row + c];
      dBias[c] += dy[row + c];
    }
    for (let c = 0; c < width; c++) {
      dx[row + c] = rstd[row / width] *
        (dy[row + c] * weight[c] - meanG - normed[row + c] * meanGN);
    }
  }
  return { dx, dWeight, dBias };
}

function normalize(
  x: Float64Array,
  width: number,
  eps: number,
): { normed: Float64Array; rstd: Float64Array } {
  const normed = new Float64Array(x.length);
  const rstd = new Float64Array(x.length / width);
  for (let row = 0; row < rstd.length; row++) {
    const values = x.subarray(row * width, (row + 1) * width);
    const mean = values.reduce((sum, value) => sum + value, 0) / width;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width;
    rstd[row] = 1 / Math.sqrt(variance + eps);
    normed.set(values.map((value) => (value - mean) * rstd[row]), row * width);
  }
  return { normed, rstd };
}
