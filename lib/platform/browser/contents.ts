/** Bytes of a file of a page. */
export interface Contents {
  /** Number of bytes. */
  readonly size: number;
  /** Reads bytes from an offset on. Returns how many were read; 0 at the end. */
  readAt(offset: number, into: Uint8Array): number;
  /** Reads all bytes into memory of their own. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  /** Bytes as a blob, to be given to the page. */
  blob(): Blob;
}

/** Bytes in memory, which may grow. */
export class MemoryContents implements Contents {
  #bytes: Uint8Array<ArrayBuffer>;
  #size: number;

  /** Takes bytes without copying them. */
  constructor(bytes: Uint8Array<ArrayBuffer> = new Uint8Array()) {
    this.#bytes = bytes;
    this.#size = bytes.length;
  }

  get size(): number {
    return this.#size;
  }

  /** Appends bytes. */
  append(bytes: Uint8Array): void {
    const size = this.#size + bytes.length;
    if (size > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(size, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#size);
    this.#size = size;
  }

  /** Cuts the bytes off behind the first ones. */
  truncate(byteLength: number): void {
    this.#size = Math.min(this.#size, byteLength);
  }

  readAt(offset: number, into: Uint8Array): number {
    const part = this.#bytes.subarray(offset, Math.min(this.#size, offset + into.length));
    into.set(part);
    return part.length;
  }

  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return Promise.resolve(this.#bytes.slice(0, this.#size));
  }

  blob(): Blob {
    return new Blob([this.#bytes.subarray(0, this.#size)]);
  }
}

/** Bytes of a blob: a file that the user picked, or one in the browser's storage. */
export class BlobContents implements Contents {
  #reader: FileReaderSync | null = null;

  /** Takes a blob, which is read when it is needed. */
  constructor(private readonly source: Blob) {}

  get size(): number {
    return this.source.size;
  }

  readAt(offset: number, into: Uint8Array): number {
    if (typeof FileReaderSync === "undefined") {
      throw new Error("files are read piece by piece in a worker only");
    }
    this.#reader ??= new FileReaderSync();
    const part = this.source.slice(offset, offset + into.length);
    into.set(new Uint8Array(this.#reader.readAsArrayBuffer(part)));
    return part.size;
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await this.source.arrayBuffer());
  }

  blob(): Blob {
    return this.source;
  }
}

declare class FileReaderSync {
  readAsArrayBuffer(blob: Blob): ArrayBuffer;
}
