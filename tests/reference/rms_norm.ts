/** y = x / √(mean(x²) + eps) · (weight + offset) over rows of weight.length elements, in f64. */
export function rmsNorm(
  x: Float64Array,
  weight: Float64Array,
  eps: number,
  offset = 0,
): Float64Array {
  const width = weight.length;
  return x.map((value, i) =>
    value * rstd(x, i - i % width, width, eps) * (weight[i % width] + offset)
  );
}

/** Gradients of x and weight. */
export function rmsNormBackward(
  dy: Float64Array,
  x: Float64Array,
  weight: Float64Array,
  eps: number,
  offset = 0,
): { dx: Float64Array; dWeight: Float64Array } {
  const width = weight.length;
  const dx = new Float64Array(x.length);
  const dWeight = new Float64Array(width);
  for (let row = 0; row < x.length; row += width) {
    const r = rstd(x, row, width, eps);
    let mean = 0;
    for (let c = 0; c < width; c++) {
      mean += dy[row + c] * (weight[c] + offset) * x[row + c] / width;
      dWeight[c] += dy[row + c] * x[row + c] * r;
    }
    for (let c = 0; c < width; c++) {
      dx[row + c] = r * (dy[row + c] * (weight[c] + offset) - x[row + c] * r * r * mean);
    }
  }
  return { dx, dWeight };
}

function rstd(x: Float64Array, row: number, width: number, eps: number): number {
  let sum = 0;
  for (let c = 0; c < width; c++) sum += x[row + c] ** 2;
  return 1 / Math.sqrt(sum / width + eps);
}
