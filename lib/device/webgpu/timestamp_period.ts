/** Time between the two timestamps that are compared with the clock, in milliseconds. */
const PAUSE_MS = 50;
/** Measured nanoseconds that are taken for one: a busy machine submits late, and other ticks are far longer. */
const ONE = { from: 0.5, to: 2 };

/**
 * Measures the duration of a timestamp's tick in seconds. By the specification it is a nanosecond, as in
 * Dawn. Deno leaves the GPU's own ticks, which are a nanosecond on NVIDIA's GPUs, but 10 on AMD's, and 52
 * or 83 on Intel's (https://github.com/gfx-rs/wgpu/issues/6719), and does not tell which.
 *
 * @param gpu device with the feature `timestamp-query`, and nothing to do
 */
export async function measureTick(gpu: GPUDevice): Promise<number> {
  using stamp = new Stamp(gpu);
  // A driver's first submit takes longer.
  await stamp.take();
  const first = await stamp.take();
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  const second = await stamp.take();
  return secondsPerTick(Number(second.ticks - first.ticks), (second.at - first.at) / 1000);
}

/** Seconds of a tick, where so many went by in so many seconds. */
export function secondsPerTick(ticks: number, seconds: number): number {
  if (ticks <= 0) return 1e-9; // A driver that writes nothing for a pass without work.
  const nanoseconds = seconds * 1e9 / ticks;
  return nanoseconds >= ONE.from && nanoseconds <= ONE.to ? 1e-9 : nanoseconds * 1e-9;
}

/** Timestamp of a pass without work, which the GPU begins as soon as it is submitted. */
class Stamp implements Disposable {
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #readback: GPUBuffer;

  constructor(private readonly gpu: GPUDevice) {
    this.#queries = gpu.createQuerySet({ type: "timestamp", count: 2 });
    this.#resolved = gpu.createBuffer({
      size: 16,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    this.#readback = gpu.createBuffer({
      size: 16,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
  }

  /** Takes one. @returns ticks, and the time of the clock in milliseconds */
  async take(): Promise<{ ticks: bigint; at: number }> {
    const encoder = this.gpu.createCommandEncoder();
    encoder.beginComputePass({
      timestampWrites: {
        querySet: this.#queries,
        beginningOfPassWriteIndex: 0,
        endOfPassWriteIndex: 1,
      },
    }).end();
    encoder.resolveQuerySet(this.#queries, 0, 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#readback, 0, 16);
    const commands = encoder.finish();
    const at = performance.now();
    this.gpu.queue.submit([commands]);
    await this.#readback.mapAsync(GPUMapMode.READ);
    const [ticks] = new BigUint64Array(this.#readback.getMappedRange().slice(0));
    this.#readback.unmap();
    return { ticks, at };
  }

  [Symbol.dispose](): void {
    this.#queries.destroy();
    this.#resolved.destroy();
    this.#readback.destroy();
  }
}
