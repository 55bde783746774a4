import type { Device, Span, TaskDevice } from "../../lib/device/device.ts";
import { matmulGpu } from "./matmul_gpu.ts";
import type { Matmul, RightMatrix } from "./product.ts";
import { LAYOUT_NUMBERS, MATMUL, MAX_ROWS, PANEL } from "./signatures.ts";

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

/** Launches a matrix product. */
export function matmul(device: Device, p: Matmul): void {
  const { m, n, k } = p;
  if (m === 0 || n === 0) return;
  if (device.kind === "webgpu") return matmulGpu(device, p);
  const b = rightArguments(p.b);
  const ext = p.extension ?? null;
  const b2 = ext && rightArguments(ext.b);
  const { rows, columns } = blocking(p, b.layout === LAYOUT_NUMBERS.PANELS_F32, device);
  const tasks = Math.ceil(m / rows) * Math.ceil(n / columns);
  device.run(MATMUL, tasks, {
    c: p.c,
    a: p.a,
    b: b.span,
    a2: ext?.a ?? null,
    b2: b2?.span ?? null,
    bias: p.bias ?? null,
    residual: p.residual ?? null,
    m,
    n,
    k,
    cRowStride: p.cRowStride ?? n,
    aRowStride: p.aRowStride ?? k,
    aColumnStride: p.aColumnStride ?? 1,
    bLayout: b.layout,
    bKStride: b.kStride,
    bNStride: b.nStride,
    k2: ext?.k ?? 0,
    b2Layout: b2?.layout ?? 0,
    b2KStride: b2?.kStride ?? 0,
    b2NStride: b2?.nStride ?? 0,
    accumulate: p.accumulate ?? false,
    rows,
    columns,
    wide: device.wideVectors,
    alongRows: n * k <= SMALL_B,
    alpha: b.alpha,
    alpha2: b2?.alpha ?? 1,
  });
}

interface RightArguments {
  layout: number;
  span: Span;
  kStride: number;
  nStride: number;
  alpha: number;
}

function rightArguments(b: RightMatrix): RightArguments {
  if (b.kind === "strided") {
    const { span, kStride, nStride, alpha, dtype } = b;
    if (dtype === "bf16") throw new Error("bf16 on the WASM device is for panels");
    return { layout: LAYOUT_NUMBERS.STRIDED, span, kStride, nStride, alpha: alpha ?? 1 };
  }
  const bf16 = b.panels.dtype === "bf16";
  const { PANELS_F32, PANELS_BF16, TRANSPOSED_PANELS_F32, TRANSPOSED_PANELS_BF16 } = LAYOUT_NUMBERS;
  const layout = b.kind === "panels"
    ? (bf16 ? PANELS_BF16 : PANELS_F32)
    : (bf16 ? TRANSPOSED_PANELS_BF16 : TRANSPOSED_PANELS_F32);
  return { layout, span: b.panels.span, kStride: 0, nStride: 0, alpha: 1 };
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
