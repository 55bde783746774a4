interface FreeBlock {
  address: number;
  size: number;
}

/**
 * Hands out regions of one growing address range: best fit among the free blocks, neighbours
 * merged when freed. A training step frees what it took, so the next one fits where it was and
 * the range stops growing.
 */
export class Arena {
  #free: FreeBlock[] = []; // by address
  #end: number;
  #sizes = new Map<number, number>();
  used = 0;
  peak = 0;

  /**
   * @param base first address
   * @param grow called when the range must reach up to `end`; throws when it cannot
   */
  constructor(base: number, private readonly grow: (end: number) => void) {
    this.#end = base;
  }

  /** Address after the last byte ever handed out. */
  get end(): number {
    return this.#end;
  }

  alloc(byteLength: number): number {
    const size = blockSize(byteLength);
    let best = -1;
    for (let i = 0; i < this.#free.length; i++) {
      const block = this.#free[i];
      if (block.size >= size && (best < 0 || block.size < this.#free[best].size)) {
        best = i;
        if (block.size === size) break;
      }
    }
    let address: number;
    if (best >= 0) {
      const block = this.#free[best];
      address = block.address;
      block.address += size;
      block.size -= size;
      if (block.size === 0) this.#free.splice(best, 1);
    } else {
      // Grow from the last block if that is free.
      const last = this.#free[this.#free.length - 1];
      const tail = last && last.address + last.size === this.#end ? last : null;
      address = tail ? tail.address : this.#end;
      this.grow(address + size);
      if (tail) this.#free.pop();
      this.#end = address + size;
    }
    this.#take(address, size);
    return address;
  }

  /**
   * Hands out a region that is free, by its address.
   *
   * @throws {Error} when some of it is not free
   */
  claim(address: number, byteLength: number): void {
    const size = blockSize(byteLength);
    const at = this.#free.findIndex((block) =>
      block.address <= address && address + size <= block.address + block.size
    );
    if (at < 0) throw new Error(`arena: ${size} bytes at ${address} are not free`);
    const block = this.#free[at];
    const before = { address: block.address, size: address - block.address };
    const after = {
      address: address + size,
      size: block.address + block.size - (address + size),
    };
    this.#free.splice(at, 1, ...[before, after].filter(({ size }) => size > 0));
    this.#take(address, size);
  }

  free(address: number): void {
    const size = this.#sizes.get(address);
    if (size === undefined) throw new Error(`arena: ${address} is not allocated`);
    this.#sizes.delete(address);
    this.used -= size;
    let low = 0;
    let high = this.#free.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (this.#free[mid].address < address) low = mid + 1;
      else high = mid;
    }
    const before = this.#free[low - 1];
    const after = this.#free[low];
    const joinsBefore = before && before.address + before.size === address;
    const joinsAfter = after && address + size === after.address;
    if (joinsBefore && joinsAfter) {
      before.size += size + after.size;
      this.#free.splice(low, 1);
    } else if (joinsBefore) before.size += size;
    else if (joinsAfter) {
      after.address = address;
      after.size += size;
    } else this.#free.splice(low, 0, { address, size });
  }

  #take(address: number, size: number): void {
    this.#sizes.set(address, size);
    this.used += size;
    if (this.used > this.peak) this.peak = this.used;
  }
}

/** Bytes of the block that an arena hands out for so many: a multiple of 256, so that blocks are aligned. */
export function blockSize(byteLength: number): number {
  return Math.max(256, Math.ceil(byteLength / 256) * 256);
}
