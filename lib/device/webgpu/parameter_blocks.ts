/** Bytes of a launch's parameters at most, and from block to block: every adapter can align to it. */
export const BLOCK_BYTES = 256;
const BLOCK_WORDS = BLOCK_BYTES / 4;
const BLOCKS = 4096;

/**
 * The scalar parameters of launches, in one uniform buffer that dispatches address by a dynamic
 * offset. Blocks of equal content are one block: a token that is decoded like the one before it
 * uploads nothing.
 */
export class ParameterBlocks {
  /** The uniform buffer that is bound. */
  readonly buffer: GPUBuffer;
  /** The block being put together; `intern` stores it. */
  readonly ints: Int32Array<ArrayBuffer> = new Int32Array(BLOCK_WORDS);
  readonly floats: Float32Array<ArrayBuffer> = new Float32Array(this.ints.buffer);
  readonly #halves = new Uint16Array(this.ints.buffer);
  readonly #offsets = new Map<string, number>();
  readonly #host = new Int32Array(BLOCKS * BLOCK_WORDS);
  #uploaded = 0;

  constructor(private readonly gpu: GPUDevice) {
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    this.buffer = gpu.createBuffer({ size: BLOCKS * BLOCK_BYTES, usage });
  }

  /** True when there is no room for another block: submit what is recorded, then `clear`. */
  get full(): boolean {
    return this.#offsets.size === BLOCKS;
  }

  /** The byte offset of a block with the first `words` words of `ints`. */
  intern(words: number): number {
    if (words > BLOCK_WORDS) throw new RangeError(`${words} parameters: at most ${BLOCK_WORDS}`);
    const key = String.fromCharCode(...this.#halves.subarray(0, 2 * words));
    let offset = this.#offsets.get(key);
    if (offset === undefined) {
      offset = this.#offsets.size * BLOCK_BYTES;
      this.#offsets.set(key, offset);
      this.#host.set(this.ints.subarray(0, words), offset / 4);
    }
    return offset;
  }

  /** Uploads the blocks that are new; returns their bytes. */
  upload(): number {
    const end = this.#offsets.size * BLOCK_BYTES;
    const bytes = end - this.#uploaded;
    if (bytes > 0) {
      this.gpu.queue.writeBuffer(
        this.buffer,
        this.#uploaded,
        this.#host.buffer,
        this.#uploaded,
        bytes,
      );
    }
    this.#uploaded = end;
    return bytes;
  }

  clear(): void {
    this.#offsets.clear();
    this.#uploaded = 0;
  }
}
