import { UserError } from "../errors.ts";
import { openFile, type ReadableFile } from "../platform/files.ts";
import { ioReason } from "../platform/io_error.ts";

/** File open for reading at any offset, synchronously. */
export abstract class RandomAccessFile implements Disposable {
  /** Sets path and size. */
  protected constructor(
    /** Path or another name, for messages. */
    readonly path: string,
    /** Bytes of the file when it was opened. */
    readonly size: number,
  ) {}

  /**
   * Reads `length` bytes from `offset` on into memory of their own.
   *
   * @throws {UserError} when the file ends before that: nothing is allocated on a broken file's
   * word
   */
  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    if (offset + length > this.size) throw this.truncated(this.size);
    return this.readInside(offset, length);
  }

  /** Reads bytes that are inside of the file. */
  protected abstract readInside(offset: number, length: number): Uint8Array<ArrayBuffer>;

  /** Closes the file. */
  abstract [Symbol.dispose](): void;

  /** Makes the error for a file that ends too early. */
  protected truncated(end: number): UserError {
    return new UserError(
      `${this.path} is truncated: it ends at byte ${end} where more is expected; copy or download it again`,
    );
  }
}

/** File on the disk. */
export class DiskFile extends RandomAccessFile {
  readonly #file: ReadableFile;

  private constructor(path: string, file: ReadableFile) {
    super(path, file.size);
    this.#file = file;
  }

  /** Opens a file. @throws {UserError} when it does not exist, is a folder, or cannot be read */
  static open(path: string): DiskFile {
    try {
      return new DiskFile(path, openFile(path));
    } catch (error) {
      throw new UserError(`cannot read ${path}: ${ioReason(error)}`, { cause: error });
    }
  }

  protected override readInside(offset: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    try {
      for (let done = 0; done < length;) {
        const count = this.#file.readAt(offset + done, bytes.subarray(done));
        if (count === 0) throw this.truncated(offset + done);
        done += count;
      }
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new UserError(`cannot read ${this.path}: ${ioReason(error)}`, { cause: error });
    }
    return bytes;
  }

  override [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** File whose bytes are in memory. */
export class MemoryFile extends RandomAccessFile {
  /** Takes bytes, which are not copied, and a name for messages. */
  constructor(path: string, private readonly bytes: Uint8Array<ArrayBuffer>) {
    super(path, bytes.length);
  }

  protected override readInside(offset: number, length: number): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(offset, offset + length);
  }

  override [Symbol.dispose](): void {}
}
