import type { GpuDevice, Span } from "../../lib/device/device.ts";
import { chooseVariant } from "./matmul_variants.ts";
import { ELEMENT_BYTES, type Matmul, moved, type RightMatrix } from "./product.ts";
import { CHUNK } from "./signatures.ts";

type Strided = Extract<RightMatrix, { kind: "strided" }>;

/** Launches a product, in parts where the GPU cannot bind all of B at once. */
export function matmulGpu(device: GpuDevice, p: Matmul): void {
  const { m, n, k } = p;
  const b = strided(p.b);
  const { dtype = "f32", kStride, nStride } = b;
  const bBytes = extent(k, kStride, n, nStride) * ELEMENT_BYTES[dtype];
  if (bBytes > device.maxBindingBytes) return halve(device, p);
  const extension = p.extension ?? null;
  const b2 = extension && strided(extension.b);
  const cRowStride = p.cRowStride ?? n;
  const residualRowStride = p.residualRowStride ?? n;
  const aRowStride = p.aRowStride ?? k;
  const aColumnStride = p.aColumnStride ?? 1;
  const b2AlongK = b2 ? b2.kStride === 1 : kStride === 1;
  const aAlongK = aColumnStride === 1;
  const traits = {
    m,
    n,
    dtype,
    aAlongK,
    bAlongK: kStride === 1,
    b2AlongK,
    fours: comesInFours(p),
  };
  const { shader, variant: { rows, columns } } = chooseVariant(device, traits);
  const part = ({ buffer, byteOffset }: Span, elements: number) => (
    { buffer, byteOffset, byteLength: elements * 4 }
  );
  device.dispatch(shader, [Math.ceil(n / columns), Math.ceil(m / rows), 1], {
    c: part(p.c, extent(m, cRowStride, n, 1)),
    a: part(p.a, extent(m, aRowStride, k, aColumnStride)),
    b: { buffer: b.span.buffer, byteOffset: b.span.byteOffset, byteLength: bBytes },
    a2: extension && part(extension.a, m * extension.k),
    b2: b2 && part(b2.span, extent(extension!.k, b2.kStride, n, b2.nStride)),
    bias: p.bias ? part(p.bias, n) : null,
    residual: p.residual ? part(p.residual, extent(m, residualRowStride, n, 1)) : null,
    m,
    n,
    k,
    cRowStride,
    residualRowStride,
    aRowStride,
    aColumnStride,
    bKStride: kStride,
    bNStride: nStride,
    k2: extension?.k ?? 0,
    b2KStride: b2?.kStride ?? 0,
    b2NStride: b2?.nStride ?? 0,
    accumulate: p.accumulate ?? false,
    alpha: b.alpha ?? 1,
    alpha2: b2?.alpha ?? 1,
  });
}

/**
 * Tells products that can be read four elements at once: each of A, B and their extension is contiguous
 * along a dimension, and begins and ends there at multiples of four.
 */
function comesInFours(p: Matmul): boolean {
  const { m, n, k } = p;
  const isFour = (...numbers: number[]) => numbers.every((number) => number % 4 === 0);
  const fits = (span: Span, stride: number, length: number, otherStride: number) =>
    stride === 1 && span.byteOffset % 16 === 0 && isFour(length, otherStride);
  const right = ({ span, kStride, nStride }: Strided, depth: number) =>
    fits(span, kStride, depth, nStride) || fits(span, nStride, n, kStride);
  const aRowStride = p.aRowStride ?? k;
  const aColumnStride = p.aColumnStride ?? 1;
  const left = fits(p.a, aColumnStride, k, aRowStride) || fits(p.a, aRowStride, m, aColumnStride);
  const { extension } = p;
  return left && right(strided(p.b), k) &&
    (!extension ||
      fits(extension.a, 1, extension.k, 4) && right(strided(extension.b), extension.k));
}

/** Two products of half the columns or half the depth, whichever is along B's larger stride. */
function halve(device: GpuDevice, p: Matmul): void {
  const { m, n, k } = p;
  const b = strided(p.b);
  if (b.nStride >= b.kStride) {
    const half = Math.ceil(n / 2 / 16) * 16;
    const cRowStride = p.cRowStride ?? n;
    const residualRowStride = p.residualRowStride ?? n;
    for (const [from, count] of [[0, half], [half, n - half]]) {
      matmulGpu(device, {
        ...p,
        n: count,
        c: moved(p.c, from),
        b: { ...b, span: moved(b.span, from * b.nStride, b.dtype) },
        bias: p.bias && moved(p.bias, from),
        residual: p.residual && moved(p.residual, from),
        extension: p.extension && { ...p.extension, b: columnsFrom(p.extension.b, from) },
        cRowStride,
        residualRowStride,
      });
    }
  } else {
    // Cut where a chunk of the sum ends: the result stays the same, bit for bit.
    const half = Math.ceil(k / 2 / CHUNK) * CHUNK;
    const aRowStride = p.aRowStride ?? k;
    matmulGpu(device, { ...p, k: half, aRowStride, extension: null });
    matmulGpu(device, {
      m,
      n,
      k: k - half,
      c: p.c,
      a: moved(p.a, half * (p.aColumnStride ?? 1)),
      b: { ...b, span: moved(b.span, half * b.kStride, b.dtype) },
      cRowStride: p.cRowStride,
      aRowStride,
      aColumnStride: p.aColumnStride,
      accumulate: true,
      extension: p.extension,
    });
  }
}

function columnsFrom(matrix: RightMatrix, from: number): RightMatrix {
  const b = strided(matrix);
  return { ...b, span: moved(b.span, from * b.nStride, b.dtype) };
}

function strided(b: RightMatrix): Strided {
  if (b.kind !== "strided") throw new Error("panels are for the WASM device");
  return b;
}

/** Elements from the first to the last of a matrix. */
function extent(rows: number, rowStride: number, columns: number, columnStride: number): number {
  return (rows - 1) * rowStride + (columns - 1) * columnStride + 1;
}
