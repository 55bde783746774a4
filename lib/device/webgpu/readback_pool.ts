import { yieldToEventLoop } from "../../event_loop.ts";

/** Larger buffers are rarely read into, and not kept. */
const MAX_KEPT_BYTES = 1 << 20;

/**
 * Buffers that the host can map, kept for the next read of such a size.
 *
 * Deno's `mapAsync` waits for all submitted work within the call, and then sleeps for 10 ms before its
 * promise is settled (ext/webgpu/buffer.rs). So `getMappedRange` may follow at once. If the work were
 * not done, it would throw. On a buffer that was never mapped before, it ends the process; so the first
 * map of a buffer is awaited.
 */
export class ReadbackPool {
  readonly #free = new Map<number, GPUBuffer[]>();
  /** Buffers that have been mapped. */
  readonly #primed = new WeakSet<GPUBuffer>();

  /** @param immediate true where {@linkcode hasImmediateReads} found that reads need not be awaited */
  constructor(private readonly gpu: GPUDevice, readonly immediate: boolean) {}

  /** A buffer of at least this size, unmapped. */
  take(byteLength: number): GPUBuffer {
    const size = byteLength > MAX_KEPT_BYTES
      ? Math.ceil(byteLength / 4) * 4
      : 2 ** Math.ceil(Math.log2(Math.max(256, byteLength)));
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    return this.#free.get(size)?.pop() ?? this.gpu.createBuffer({ size, usage });
  }

  /**
   * Copies a buffer's first bytes to the host when the work that was submitted is done, and takes the
   * buffer back.
   */
  async read(buffer: GPUBuffer, byteLength: number): Promise<Uint8Array<ArrayBuffer>> {
    const size = Math.ceil(byteLength / 4) * 4;
    const mapped = buffer.mapAsync(GPUMapMode.READ, 0, size);
    const early = this.immediate && this.#primed.has(buffer) ? mappedRange(buffer, size) : null;
    if (early) mapped.catch(() => {/* Only the device's end after this read. */});
    else await mapped;
    const copy = new Uint8Array(early ?? buffer.getMappedRange(0, size)).slice(0, byteLength);
    buffer.unmap();
    this.#primed.add(buffer);
    this.#give(buffer);
    if (early) {
      // What the GPU complained about meanwhile is reported in the next turn of the event loop.
      await new Promise((resolve) => setImmediate(resolve));
      await yieldToEventLoop();
    }
    return copy;
  }

  #give(buffer: GPUBuffer): void {
    if (buffer.size > MAX_KEPT_BYTES) return buffer.destroy();
    const list = this.#free.get(buffer.size);
    if (list) list.push(buffer);
    else this.#free.set(buffer.size, [buffer]);
  }
}

/** The contents of a buffer, or null where it is not mapped. */
function mappedRange(buffer: GPUBuffer, size: number): ArrayBuffer | null {
  try {
    return buffer.getMappedRange(0, size);
  } catch {
    return null;
  }
}
