import { fill } from "../../kernels/elementwise/elementwise.ts";
import { openDevice } from "../../lib/device/open.ts";
import type { StageTask } from "./stage_task.ts";

/** Cost of reading what a kernel has just written. */
export interface ReadbackRow {
  readonly bytes: number;
  /** Reads measured, and milliseconds of one. */
  readonly reads: number;
  readonly median: number;
  readonly best: number;
  readonly worst: number;
}

/** Sizes that are read: a token, a window of tokens, a megabyte, a large tensor. */
const SIZES = [4, 4 << 10, 1 << 20, 64 << 20];
const READS = 50;

/** Measures reads of some sizes, each right after a small kernel. */
export async function readback({ secondsLeft, report }: StageTask<ReadbackRow[]>) {
  const device = await openDevice({ device: "webgpu" });
  const rows: ReadbackRow[] = [];
  for (const bytes of SIZES) {
    const span = { buffer: device.alloc(bytes), byteOffset: 0 };
    const times: number[] = [];
    for (let i = 0; i <= READS && secondsLeft() > 0; i++) {
      fill(device, span, 1, i);
      const started = performance.now();
      await device.read(span, bytes);
      // The first read makes the buffer that it goes through.
      if (i > 0) times.push(performance.now() - started);
    }
    device.free(span.buffer);
    if (times.length === 0) break;
    times.sort((a, b) => a - b);
    const [best, worst, median] = [times[0], times.at(-1)!, times[times.length >> 1]];
    rows.push({ bytes, reads: times.length, median, best, worst });
    report(rows);
  }
  device.close();
}
