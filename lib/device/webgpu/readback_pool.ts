/** Buffers that the host can map, kept for the next read of such a size. */
export class ReadbackPool {
  readonly #free = new Map<number, GPUBuffer[]>();

  constructor(private readonly gpu: GPUDevice) {}

  /** A buffer of at least this size, unmapped. */
  take(byteLength: number): GPUBuffer {
    const size = byteLength > 1 << 20
      ? byteLength
      : 2 ** Math.ceil(Math.log2(Math.max(256, byteLength)));
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    return this.#free.get(size)?.pop() ?? this.gpu.createBuffer({ size, usage });
  }

  /** Takes a buffer back. Large ones are rare, and not kept. */
  give(buffer: GPUBuffer): void {
    if (buffer.size > 1 << 20) return buffer.destroy();
    const list = this.#free.get(buffer.size);
    if (list) list.push(buffer);
    else this.#free.set(buffer.size, [buffer]);
  }
}
