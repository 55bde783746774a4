/** Bytes of a block of SHA-1 and SHA-256. */
const BLOCK = 64;

/** Hash of the Merkle–Damgård construction over data that arrives in pieces (FIPS 180-4). */
export abstract class BlockHash {
  readonly #rest = new Uint8Array(BLOCK);
  readonly #restView = new DataView(this.#rest.buffer);
  #restLength = 0;
  #length = 0;

  protected constructor(private readonly state: Int32Array) {}

  /** Adds a block of 64 bytes to the state. */
  protected abstract block(state: Int32Array, data: DataView, offset: number): void;

  /** Appends data. */
  update(data: string | Uint8Array): this {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    this.#length += bytes.length;
    let done = 0;
    if (this.#restLength > 0) {
      done = Math.min(BLOCK - this.#restLength, bytes.length);
      this.#rest.set(bytes.subarray(0, done), this.#restLength);
      this.#restLength += done;
      if (this.#restLength < BLOCK) return this;
      this.block(this.state, this.#restView, 0);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (; done + BLOCK <= bytes.length; done += BLOCK) this.block(this.state, view, done);
    this.#rest.set(bytes.subarray(done));
    this.#restLength = bytes.length - done;
    return this;
  }

  /** Ends the data. Returns the digest. */
  bytes(): Uint8Array<ArrayBuffer> {
    const bits = this.#length * 8;
    const padding = new Uint8Array((this.#restLength < 56 ? 56 : 120) - this.#restLength + 8);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, Math.floor(bits / 2 ** 32));
    view.setUint32(padding.length - 4, bits % 2 ** 32);
    this.update(padding);
    const digest = new DataView(new ArrayBuffer(4 * this.state.length));
    this.state.forEach((word, i) => digest.setInt32(4 * i, word));
    return new Uint8Array(digest.buffer);
  }

  /** Ends the data. Returns the digest in hexadecimal. */
  hex(): string {
    return this.bytes().toHex();
  }
}

/** Rotates a word to the left. */
export function rotate(word: number, bits: number): number {
  return word << bits | word >>> 32 - bits;
}
