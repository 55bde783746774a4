/** C[M, N] = A[M, K] B[K, N] in f64, row-major. */
export function matmulReference(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  m: number,
  n: number,
  k: number,
): Float64Array {
  const c = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let p = 0; p < k; p++) {
      for (let j = 0; j < n; j++) c[i * n + j] += a[i * k + p] * b[p * n + j];
    }
  }
  return c;
}

/** The transpose of X[rows, columns]. */
export function transpose(x: ArrayLike<number>, rows: number, columns: number): Float32Array {
  const y = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) y[j * rows + i] = x[i * columns + j];
  }
  return y;
}
