import { OutOfMemoryError } from "../../errors.ts";
import type { DeviceBuffer, MemoryUse } from "../device.ts";

/** Limit of unused blocks that are kept: this, or as many bytes as are in use. */
const SPARE_BYTES = 256 << 20;

/** Buffers in one block begin at multiples of this, as blocks do. */
const ALIGNMENT = 256;

/** A block of GPU memory, used by one buffer after another, or by several that are bound together. */
export interface Block {
  readonly gpu: GPUBuffer;
  /** Tells blocks apart in the keys of cached bind groups. */
  readonly id: number;
  readonly size: number;
  /** The last recording that used it: see WebGpuDevice.write. */
  usedIn: number;
  /** Number of buffers in it. */
  buffers: number;
}

/** A buffer of the pool. */
export class PooledBuffer implements DeviceBuffer {
  /** Its memory; null once it was freed. */
  block: Block | null;

  /** @param start its first byte in the block */
  constructor(readonly byteLength: number, block: Block, readonly start: number = 0) {
    this.block = block;
    block.buffers++;
  }
}

/**
 * GPU buffers of a few sizes, eight to an octave, kept for the next that asks for such a size: a
 * training step takes what the one before it gave back. The GPU works in order, so a block can be
 * handed on while what was recorded before still uses it.
 */
export class BufferPool {
  readonly #free = new Map<number, Block[]>();
  #spare = 0;
  #nextId = 1;
  readonly memory: MemoryUse = { used: 0, peak: 0 };

  /**
   * @param onError called, later, when the GPU had no memory for a block
   * @param beforeDestroy called before blocks go back to the system: what was recorded and uses them
   *   must be submitted, or it is refused
   * @param onDestroy called when a block has gone back
   */
  constructor(
    private readonly gpu: GPUDevice,
    private readonly onError: (error: OutOfMemoryError) => void,
    private readonly beforeDestroy: () => void,
    private readonly onDestroy: (block: Block) => void,
  ) {}

  /** @throws {OutOfMemoryError} when the adapter allows no buffer of this size */
  alloc(byteLength: number): PooledBuffer {
    const size = sizeClass(byteLength);
    const block = this.#free.get(size)?.pop();
    if (block) this.#spare -= size;
    const buffer = new PooledBuffer(byteLength, block ?? this.#create(size, byteLength));
    this.memory.used += size;
    this.memory.peak = Math.max(this.memory.peak, this.memory.used);
    return buffer;
  }

  /**
   * Buffers in one block, which is free again when all of them are.
   *
   * @param most bytes of a block: buffers that need more are in blocks of their own
   */
  allocTogether(byteLengths: readonly number[], most: number): PooledBuffer[] {
    let end = 0;
    const starts = byteLengths.map((byteLength) => {
      const start = end;
      end += Math.ceil(byteLength / ALIGNMENT) * ALIGNMENT;
      return start;
    });
    if (sizeClass(end) > most) return byteLengths.map((byteLength) => this.alloc(byteLength));
    const { block } = this.alloc(end);
    block!.buffers = 0;
    return byteLengths.map((byteLength, i) => new PooledBuffer(byteLength, block!, starts[i]));
  }

  /** A buffer for the device's own use: it does not count, and is not given back. */
  reserve(byteLength: number): PooledBuffer {
    return new PooledBuffer(byteLength, this.#create(byteLength, byteLength));
  }

  free(buffer: PooledBuffer): void {
    const { block } = buffer;
    if (!block) throw new Error("the buffer was freed before");
    buffer.block = null;
    if (--block.buffers > 0) return;
    this.memory.used -= block.size;
    this.#spare += block.size;
    const list = this.#free.get(block.size);
    if (list) list.push(block);
    else this.#free.set(block.size, [block]);
    if (this.#spare > Math.max(SPARE_BYTES, this.memory.used)) this.#trim();
  }

  /** Gives what nobody uses back to the system. */
  #trim(): void {
    this.beforeDestroy();
    for (const list of this.#free.values()) {
      for (const block of list) {
        block.gpu.destroy();
        this.onDestroy(block);
      }
    }
    this.#free.clear();
    this.#spare = 0;
  }

  #create(size: number, byteLength: number): Block {
    const most = this.gpu.limits.maxBufferSize;
    if (size > most) {
      throw new OutOfMemoryError(
        `out of memory on the GPU: ${mib(byteLength)} needed at once, the limit is ${mib(most)}`,
        { needed: byteLength, available: most },
      );
    }
    const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
    this.gpu.pushErrorScope("out-of-memory");
    const buffer = this.gpu.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST });
    const reserved = this.memory.used + this.#spare;
    this.gpu.popErrorScope().then((error) => {
      if (!error) return;
      this.onError(
        new OutOfMemoryError(
          `out of memory on the GPU: ${mib(byteLength)} needed beside the ${mib(reserved)} in use`,
          { needed: byteLength, available: null },
        ),
      );
    }, () => {/* The device is lost, which is reported by itself. */});
    return { gpu: buffer, id: this.#nextId++, size, usedIn: -1, buffers: 0 };
  }
}

/** Rounds up to a multiple of an eighth of the power of two below; at least 256. */
function sizeClass(byteLength: number): number {
  const step = Math.max(256, 2 ** (Math.floor(Math.log2(Math.max(1, byteLength - 1))) - 3));
  return Math.max(256, Math.ceil(byteLength / step) * step);
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 24 ? 1 : 0)} MiB`;
}
