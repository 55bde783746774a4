import { createHash, type Hash } from "node:crypto";
import type { RemoteFile } from "./listing.ts";

/**
 * Part of a file that has arrived, `<blob>.incomplete`, with the hash of its bytes so far. A
 * download goes on from what an earlier process left.
 */
export class PartialFile implements Disposable {
  #hash!: Hash;
  #length = 0;

  private constructor(
    private readonly file: Deno.FsFile,
    private readonly wanted: Pick<RemoteFile, "size" | "etag">,
  ) {}

  /** Opens or creates the file, and hashes its bytes. */
  static async open(
    path: string,
    wanted: Pick<RemoteFile, "size" | "etag">,
  ): Promise<PartialFile> {
    const file = await Deno.open(path, { read: true, write: true, create: true });
    const partial = new PartialFile(file, wanted);
    partial.#startHash();
    const chunk = new Uint8Array(1 << 20);
    for (let count; (count = await file.read(chunk)) !== null;) {
      partial.#hash.update(chunk.subarray(0, count));
      partial.#length += count;
    }
    if (partial.#length > wanted.size) await partial.restart();
    return partial;
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  /** Adds bytes at the end. */
  async append(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) done += await this.file.write(bytes.subarray(done));
    this.#hash.update(bytes);
    this.#length += bytes.length;
  }

  /** Discards all bytes. */
  async restart(): Promise<void> {
    await this.file.truncate(0);
    await this.file.seek(0, Deno.SeekMode.Start);
    this.#length = 0;
    this.#startHash();
  }

  /** Waits until the disk has the bytes. Tells whether their hash is right. */
  async verify(): Promise<boolean> {
    await this.file.sync();
    return this.#hash.copy().digest("hex") === this.wanted.etag;
  }

  /** Closes the file, which stays for a later download. */
  [Symbol.dispose](): void {
    this.file.close();
  }

  /**
   * Starts the hash: large files are known by their SHA-256, small ones by git's SHA-1 of a header
   * and the bytes.
   */
  #startHash(): void {
    const { size, etag } = this.wanted;
    this.#hash = etag.length === 64
      ? createHash("sha256")
      : createHash("sha1").update(`blob ${size}\0`);
  }
}
