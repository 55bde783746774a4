import type { GpuDevice, Shader, Span } from "../../lib/device/device.ts";
import { wgsl } from "../wgsl.ts";
import type { Matmul, RightMatrix } from "./matmul.ts";
import code from "./matmul.wgsl" with { type: "text" };

/** Up to so many rows `skinny` is the faster. */
const SKINNY_ROWS = 64;
/** K is cut only where a chunk of the sum ends: the result stays the same, bit for bit. */
const CHUNK = 32;
const ELEMENT = { f32: 4, bf16: 2 };

/** A kernel for f32 and bf16 weights, and how much of C a workgroup computes. */
interface Variant {
  readonly shaders: Readonly<Record<"f32" | "bf16", Shader>>;
  readonly rows: number;
  readonly columns: number;
}

const shader = wgsl("matmul", code);
const TILED = variant("tiled", 8, { COLUMN_THREADS: 16, LINE_THREADS: 8 });
const SKINNY = variant("skinny", 4, { COLUMN_THREADS: 4, LINE_THREADS: 4, SLICES: 8 });
const SKINNIEST = variant("skinny", 4, { COLUMN_THREADS: 4, LINE_THREADS: 1, SLICES: 32 });

/** @param threadRows rows of C that a thread computes, of four columns; as in matmul.wgsl */
function variant(
  entryPoint: string,
  threadRows: number,
  constants: { COLUMN_THREADS: number; LINE_THREADS: number; SLICES?: number },
): Variant {
  const { COLUMN_THREADS, LINE_THREADS } = constants;
  return {
    shaders: {
      f32: shader(entryPoint, 1, { ...constants, BF16: 0 }),
      bf16: shader(entryPoint, 1, { ...constants, BF16: 1 }),
    },
    rows: threadRows * LINE_THREADS,
    columns: 4 * COLUMN_THREADS,
  };
}

/** Launches a product, in parts where the GPU cannot bind all of B at once. */
export function matmulGpu(device: GpuDevice, p: Matmul): void {
  const { m, n, k } = p;
  const b = strided(p.b);
  const { dtype = "f32", kStride, nStride } = b;
  const bBytes = extent(k, kStride, n, nStride) * ELEMENT[dtype];
  if (bBytes > device.maxBindingBytes) return halve(device, p);
  const extension = p.extension ?? null;
  const b2 = extension && strided(extension.b);
  const { shaders, rows, columns } = m <= 4 ? SKINNIEST : m <= SKINNY_ROWS ? SKINNY : TILED;
  const cRowStride = p.cRowStride ?? n;
  const residualRowStride = p.residualRowStride ?? n;
  const aRowStride = p.aRowStride ?? k;
  const aColumnStride = p.aColumnStride ?? 1;
  const part = (span: Span | null | undefined, elements: number) =>
    span ? { buffer: span.buffer, byteOffset: span.byteOffset, byteLength: elements * 4 } : null;
  device.dispatch(
    shaders[dtype],
    [Math.ceil(n / columns), Math.ceil(m / rows), 1],
    [
      part(p.c, extent(m, cRowStride, n, 1)),
      part(p.a, extent(m, aRowStride, k, aColumnStride)),
      { buffer: b.span.buffer, byteOffset: b.span.byteOffset, byteLength: bBytes },
      part(extension?.a, m * (extension?.k ?? 0)),
      part(b2?.span, b2 ? extent(extension!.k, b2.kStride, n, b2.nStride) : 0),
      part(p.bias, n),
      part(p.residual, extent(m, residualRowStride, n, 1)),
    ],
    [
      m,
      n,
      k,
      cRowStride,
      residualRowStride,
      aRowStride,
      aColumnStride,
      kStride,
      nStride,
      extension?.k ?? 0,
      b2?.kStride ?? 0,
      b2?.nStride ?? 0,
      Number(p.accumulate ?? false),
    ],
    [b.alpha ?? 1, b2?.alpha ?? 1],
  );
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

function strided(b: RightMatrix): Extract<RightMatrix, { kind: "strided" }> {
  if (b.kind !== "strided") throw new Error("panels are for the WASM device");
  return b;
}

/** Elements from the first to the last of a matrix. */
function extent(rows: number, rowStride: number, columns: number, columnStride: number): number {
  return (rows - 1) * rowStride + (columns - 1) * columnStride + 1;
}

function moved(span: Span, elements: number, dtype: "f32" | "bf16" = "f32"): Span {
  return { buffer: span.buffer, byteOffset: span.byteOffset + elements * ELEMENT[dtype] };
}
