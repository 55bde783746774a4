import type { LaunchListener } from "../profile.ts";
import type { ReadbackPool } from "./readback_pool.ts";

/**
 * Measures kernels on the GPU: every dispatch is a pass of its own, which a timestamp begins and
 * another ends. That costs time between kernels, not in them.
 */
export class Timestamps {
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  /** Kernels of this recording. */
  #kernels: string[] = [];

  /**
   * @param capacity the most dispatches of a recording
   * @param tick seconds of a timestamp's tick
   */
  constructor(
    gpu: GPUDevice,
    capacity: number,
    private readonly readbacks: ReadbackPool,
    private readonly times: LaunchListener,
    private readonly tick: number,
  ) {
    this.#queries = gpu.createQuerySet({ type: "timestamp", count: 2 * capacity });
    this.#resolved = gpu.createBuffer({
      size: 16 * capacity,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
  }

  /** Timestamps that the pass of the kernel's dispatch writes. */
  next(kernel: string): GPUComputePassTimestampWrites {
    const index = 2 * this.#kernels.length;
    this.#kernels.push(kernel);
    return {
      querySet: this.#queries,
      beginningOfPassWriteIndex: index,
      endOfPassWriteIndex: index + 1,
    };
  }

  /** Ends a recording; the function that it returns is to be called when that is submitted. */
  finish(encoder: GPUCommandEncoder): () => void {
    const kernels = this.#kernels;
    this.#kernels = [];
    if (kernels.length === 0) return () => {};
    const size = 16 * kernels.length;
    const readback = this.readbacks.take(size);
    encoder.resolveQuerySet(this.#queries, 0, 2 * kernels.length, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, readback, 0, size);
    return () => {
      this.readbacks.read(readback, size).then((bytes) => {
        const ticks = new BigUint64Array(bytes.buffer);
        kernels.forEach((kernel, i) => {
          this.times.add(kernel, Number(ticks[2 * i + 1] - ticks[2 * i]) * this.tick);
        });
      }, () => {/* The device was closed or lost before it came so far. */});
    };
  }
}
