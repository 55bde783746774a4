import { UserError } from "../errors.ts";
import { ioReason } from "./io_error.ts";

/**
 * A file open for reading at any place.
 *
 * Reads are synchronous: a seek and a read cannot be separated by another read.
 */
export class RandomAccessFile implements Disposable {
  private constructor(
    /** As given to `open`, for messages. */
    readonly path: string,
    /** Bytes of the file when it was opened. */
    readonly size: number,
    private readonly file: Deno.FsFile,
  ) {}

  /** Opens a file. @throws UserError when it is not there, a folder, or not readable. */
  static open(path: string): RandomAccessFile {
    try {
      const file = Deno.openSync(path, { read: true });
      const { size, isDirectory } = file.statSync();
      if (!isDirectory) return new RandomAccessFile(path, size, file);
      file.close();
    } catch (error) {
      throw new UserError(`Cannot read ${path}: ${ioReason(error)}.`, { cause: error });
    }
    throw new UserError(`Cannot read ${path}: it is a folder.`);
  }

  /**
   * Reads `length` bytes from `offset` on into memory of their own.
   *
   * @throws UserError when the file ends before that: nothing is allocated on a broken file's word.
   */
  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    if (offset + length > this.size) throw this.#truncated(this.size);
    const bytes = new Uint8Array(length);
    try {
      this.file.seekSync(offset, Deno.SeekMode.Start);
      for (let done = 0; done < length;) {
        const count = this.file.readSync(bytes.subarray(done));
        if (count === null) throw this.#truncated(offset + done);
        done += count;
      }
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new UserError(`Cannot read ${this.path}: ${ioReason(error)}.`, { cause: error });
    }
    return bytes;
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.file.close();
  }

  #truncated(end: number): UserError {
    return new UserError(
      `${this.path} is truncated: it ends at byte ${end} where more is expected. Copy or download it again.`,
    );
  }
}
