import type { Device, GpuDevice, Span } from "../../lib/device/device.ts";
import { matmul } from "./matmul.ts";
import { matmulVariants, shapeClass } from "./matmul_variants.ts";

/** A product that is measured for its class. */
interface Trial {
  m: number;
  n: number;
  dtype: "f32" | "bf16";
  /** Neighbours in A and B are along k. */
  aAlongK: boolean;
  bAlongK: boolean;
}

/** Widths of a linear layer: flan-t5-base's. */
const [COLUMNS, DEPTH] = [768, 768];
/** Rows that stand for each class of {@linkcode shapeClass}; the last ones also for narrow products. */
const ROWS = [1, 16, 64, 512];
/** Columns of a narrow product: an adapter's rank. */
const NARROW = 32;
/** Launches that a measurement takes: enough to hide the 11 ms of a read. */
const SHORTEST_MS = 40;
/** A variant whose first launches are so much slower than the best is not measured further. */
const GIVE_UP_FACTOR = 3;

/** Tells devices that have variants of the matrix product worth measuring: GPUs, not imitations of one. */
export function hasTunableProducts(device: Device): device is GpuDevice {
  return device.kind === "webgpu" && !device.software;
}

/**
 * Measures which variant of the matrix product is the fastest, for each class of shapes: once for
 * an adapter, a few seconds. The choice changes no result, only how long it takes.
 *
 * @param sizes smaller ones are for tests
 * @returns the variant's name by class, for the device's `tuning`
 */
export async function autotuneMatmul(
  device: GpuDevice,
  { rows = ROWS, width = COLUMNS, depth = DEPTH, shortestMs = SHORTEST_MS } = {},
): Promise<Map<string, string>> {
  const most = Math.max(...rows, width);
  const spans = [0, 1, 2].map(() => ({
    buffer: device.alloc(most * Math.max(width, depth) * 4),
    byteOffset: 0,
  }));
  const before = new Map(device.tuning);
  const best = new Map<string, string>();
  try {
    for (const trial of trials(rows, width)) {
      const kind = shapeClass({ ...trial, b2AlongK: true, fours: true });
      let fastest = Infinity;
      for (const variant of matmulVariants(device)) {
        device.tuning.set(kind, variant.name);
        const ms = await measure(device, spans, trial, { depth, shortestMs, fastest });
        if (ms < fastest) best.set(kind, variant.name);
        fastest = Math.min(fastest, ms);
      }
    }
  } finally {
    device.tuning.clear();
    for (const [kind, name] of before) device.tuning.set(kind, name);
    for (const { buffer } of spans) device.free(buffer);
  }
  return best;
}

/**
 * Forward products, input gradients in both dtypes, and weight gradients; an adapter's, which are f32,
 * are narrow, too.
 */
function trials(rows: readonly number[], n: number): Trial[] {
  const along = [[true, true], [true, false], [false, false]];
  const ofDtype = (m: number, n: number, dtype: "f32" | "bf16") =>
    along.map(([aAlongK, bAlongK]) => ({ m, n, dtype, aAlongK, bAlongK }));
  return [
    ...rows.flatMap((m) => [
      ...ofDtype(m, n, "f32"),
      ...ofDtype(m, n, "bf16").filter(({ aAlongK }) => aAlongK),
    ]),
    ...ofDtype(Math.max(...rows), NARROW, "f32"),
  ];
}

/** Milliseconds of a product. */
async function measure(
  device: GpuDevice,
  [c, a, b]: readonly Span[],
  { m, n, dtype, aAlongK, bAlongK }: Trial,
  { depth: k, shortestMs, fastest }: {
    depth: number;
    shortestMs: number;
    fastest: number;
  },
): Promise<number> {
  const run = async (times: number) => {
    const start = performance.now();
    for (let i = 0; i < times; i++) {
      matmul(device, {
        c,
        a,
        ...(aAlongK ? {} : { aRowStride: 1, aColumnStride: m }),
        b: {
          kind: "strided",
          span: b,
          kStride: bAlongK ? 1 : n,
          nStride: bAlongK ? k : 1,
          dtype,
        },
        m,
        n,
        k,
      });
    }
    await device.read(c, 4);
    return (performance.now() - start) / times;
  };
  await run(1);
  let times = 4;
  for (;;) {
    const ms = await run(times);
    if (ms * times >= shortestMs || ms > GIVE_UP_FACTOR * fastest) {
      return Math.min(ms, await run(times));
    }
    times *= 4;
  }
}
