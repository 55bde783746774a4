import type { Device, Span, TaskDevice } from "../../lib/device/device.ts";
import { matmulGpu } from "./matmul_gpu.ts";

/** How the right-hand matrix is stored; mirrored in matmul.wasm.ts. */
const KIND = {
  panelsF32: 0,
  panelsBf16: 1,
  strided: 2,
  transposedPanelsF32: 3,
  transposedPanelsBf16: 4,
};
const PANEL = 16;
/** Most rows of a task; mirrored in matmul.wasm.ts. */
const MAX_ROWS = 192;
/** Fewer rows are not split among threads. */
const MIN_ROWS = 24;
/**
 * Below this many multiply-adds a second thread does not pay: it would have to fetch from this one's
 * cache what was written there. With 256-bit vectors there may be more of them.
 */
const SERIAL_WORK = { wide: 300_000, narrow: 100_000 };
/**
 * Numbers of a B that a core's second-level cache holds: then tasks are in the order of rows, so that
 * a thread, which begins with the same part of every launch, finds in its cache the rows that it wrote
 * in the launch before. A larger B is read by tasks of the same columns one after another.
 */
const SMALL_B = 65_536;
/** Multiply-adds a task should have: enough to hide its claim, few enough to balance threads. */
const TASK_WORK = 1_000_000;

/** A frozen weight W[rows, columns] of the WASM device, stored as panels of 16 rows: see {@linkcode packPanels}. */
export interface Panels {
  readonly span: Span;
  readonly dtype: "f32" | "bf16";
}

/** The right-hand matrix B[K, N] of a product. */
export type RightMatrix =
  /** B = Wᵀ with W[N, K] in panels: a linear layer's forward pass. */
  | { readonly kind: "panels"; readonly panels: Panels }
  /** B = W with W[K, N] in panels: its backward pass. */
  | { readonly kind: "transposedPanels"; readonly panels: Panels }
  /** B(k, n) = alpha * span[k * kStride + n * nStride]; `dtype` (default f32) bf16 only on a GPU. */
  | {
    readonly kind: "strided";
    readonly span: Span;
    readonly kStride: number;
    readonly nStride: number;
    readonly alpha?: number;
    readonly dtype?: "f32" | "bf16";
  };

/** A product: C[M, N] (+)= A[M, K] B[K, N], with what is added to it. Strides in elements. */
export interface Matmul {
  readonly c: Span;
  readonly a: Span;
  readonly b: RightMatrix;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** From row to row of C. Default n. */
  readonly cRowStride?: number;
  /** From row to row of A. Default k. */
  readonly aRowStride?: number;
  /** From column to column of A. Default 1; another is for a transposed A. */
  readonly aColumnStride?: number;
  /** Adds to C instead of overwriting it. */
  readonly accumulate?: boolean;
  /** [N], added to each row. */
  readonly bias?: Span | null;
  /** [M, N], added; may be C itself. */
  readonly residual?: Span | null;
  /** From row to row of the residual, on a GPU. Default n. */
  readonly residualRowStride?: number;
  /** A second product A2[M, k] B2[k, N] summed after the first: LoRA as a longer K. */
  readonly extension?: { readonly a: Span; readonly b: RightMatrix; readonly k: number } | null;
}

/** Launches a matrix product. */
export function matmul(device: Device, p: Matmul): void {
  const { m, n, k } = p;
  if (m === 0 || n === 0) return;
  if (device.kind === "webgpu") return matmulGpu(device, p);
  const b = rightArguments(p.b);
  const ext = p.extension ?? null;
  const b2 = ext ? rightArguments(ext.b) : NO_EXTENSION;
  const { rows, columns } = blocking(p, b.kind === KIND.panelsF32, device);
  const tasks = Math.ceil(m / rows) * Math.ceil(n / columns);
  device.run(
    "matmul",
    tasks,
    [p.c, p.a, b.span, ext?.a ?? null, b2.span, p.bias ?? null, p.residual ?? null],
    [
      m,
      n,
      k,
      p.cRowStride ?? n,
      p.aRowStride ?? k,
      p.aColumnStride ?? 1,
      b.kind,
      b.kStride,
      b.nStride,
      ext?.k ?? 0,
      b2.kind,
      b2.kStride,
      b2.nStride,
      p.accumulate ? 1 : 0,
      rows,
      columns,
      device.wideVectors ? 1 : 0,
      n * k <= SMALL_B ? 1 : 0,
    ],
    [b.alpha, b2.alpha],
  );
}

interface RightArguments {
  kind: number;
  span: Span | null;
  kStride: number;
  nStride: number;
  alpha: number;
}

const NO_EXTENSION: RightArguments = { kind: 0, span: null, kStride: 0, nStride: 0, alpha: 1 };

function rightArguments(b: RightMatrix): RightArguments {
  if (b.kind === "strided") {
    const { span, kStride, nStride, alpha, dtype } = b;
    if (dtype === "bf16") throw new Error("bf16 on the WASM device is for panels");
    return { kind: KIND.strided, span, kStride, nStride, alpha: alpha ?? 1 };
  }
  const bf16 = b.panels.dtype === "bf16";
  const kind = b.kind === "panels"
    ? (bf16 ? KIND.panelsBf16 : KIND.panelsF32)
    : (bf16 ? KIND.transposedPanelsBf16 : KIND.transposedPanelsF32);
  return { kind, span: b.panels.span, kStride: 0, nStride: 0, alpha: 1 };
}

/** Rows and columns of C that one task computes. */
function blocking(
  { m, n, k, aColumnStride = 1 }: Matmul,
  prepacked: boolean,
  { threads, wideVectors }: TaskDevice,
): { rows: number; columns: number } {
  const serialWork = wideVectors ? SERIAL_WORK.wide : SERIAL_WORK.narrow;
  if (m * n * k <= serialWork && m <= MAX_ROWS) return { rows: m, columns: n };
  // Panels that are copied first want many rows to pay for it; others a block that stays in cache.
  const most = prepacked ? 96 : MAX_ROWS;
  let rowTasks = Math.ceil(m / most);
  // As many for each thread: where tasks are in the order of rows, each begins with its part of them.
  if (m >= threads * MIN_ROWS) rowTasks = Math.ceil(rowTasks / threads) * threads;
  const rows = Math.ceil(m / rowTasks);
  const panels = Math.ceil(n / PANEL);
  // The panels that one of so many tasks computes.
  const among = (tasks: number) => Math.ceil(panels / Math.ceil(tasks / rowTasks));
  const wanted = Math.max(1, Math.min(8, Math.round(TASK_WORK / (rows * k * PANEL))));
  // Each task copies a transposed A: as few tasks as leave each thread some to choose from.
  const fewest = aColumnStride === 1 ? 1 : among(4 * threads);
  // A task for every thread, as far as there are panels.
  return { rows, columns: Math.min(Math.max(wanted, fewest), among(threads)) * PANEL };
}

/** Tells devices whose products read frozen weights as {@linkcode Panels}; others read them row-major. */
export function readsPanels(device: Device): device is TaskDevice {
  return device.kind === "wasm";
}

/** Bytes that W[rows, columns] takes in panels, its rows padded to a multiple of 16. */
export function panelBytes(rows: number, columns: number, dtype: "f32" | "bf16"): number {
  return Math.ceil(rows / PANEL) * PANEL * columns * (dtype === "f32" ? 4 : 2);
}

/**
 * Packs W[rows, columns] (f32, row-major) for {@linkcode matmul}: panel p holds rows 16p … 16p+15,
 * column by column; in bf16 a word holds rows j and j + 8. `firstRow` (a multiple of 16) says where
 * in a larger weight these rows belong, so that it can be packed piece by piece.
 */
export function packPanels(
  device: TaskDevice,
  panels: Panels,
  w: Span,
  rows: number,
  columns: number,
  firstRow = 0,
): void {
  const bf16 = panels.dtype === "bf16" ? 1 : 0;
  device.run(
    "pack_panels",
    Math.ceil(rows / PANEL),
    [panels.span, w],
    [rows, columns, bf16, firstRow / PANEL],
  );
}
