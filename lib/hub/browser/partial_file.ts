import { BlobContents, type Contents, MemoryContents } from "../../platform/browser/contents.ts";
import { Sha1, Sha256 } from "../../platform/browser/hash.ts";
import type { StorageFile, StorageFolder } from "../../platform/browser/storage.ts";
import type { RemoteFile } from "../listing.ts";

/**
 * Part of a file that has arrived, with the hash of its bytes so far: in the browser's storage, from
 * where a later download goes on, or in memory where there is none.
 */
export class PartialFile implements Disposable {
  #hash!: Sha1 | Sha256;
  #length = 0;

  private constructor(
    private readonly file: StorageFile | null,
    private readonly memory: MemoryContents,
    private readonly wanted: Pick<RemoteFile, "size" | "etag">,
  ) {}

  /** Opens or creates the file, and hashes its bytes. */
  static async open(
    storage: StorageFolder | null,
    wanted: Pick<RemoteFile, "size" | "etag">,
  ): Promise<PartialFile> {
    const file = await storage?.file(wanted.etag) ?? null;
    const partial = new PartialFile(file, new MemoryContents(), wanted);
    partial.#startHash();
    if (file && file.size > wanted.size) file.truncate(0);
    const chunk = new Uint8Array(1 << 20);
    for (let count; file && (count = file.readAt(partial.#length, chunk)) > 0;) {
      partial.#hash.update(chunk.subarray(0, count));
      partial.#length += count;
    }
    return partial;
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  /** Adds bytes at the end. */
  async append(bytes: Uint8Array): Promise<void> {
    await Promise.resolve();
    (this.file ?? this.memory).append(bytes);
    this.#hash.update(bytes);
    this.#length += bytes.length;
  }

  /** Discards all bytes. */
  async restart(): Promise<void> {
    await Promise.resolve();
    (this.file ?? this.memory).truncate(0);
    this.#length = 0;
    this.#startHash();
  }

  /** Waits until the storage has the bytes. Tells whether their hash is right. */
  async verify(): Promise<boolean> {
    await Promise.resolve();
    this.file?.flush();
    const hash = this.#hash;
    // The digest ends the hash.
    this.#hash = new Sha256();
    return hash.hex() === this.wanted.etag;
  }

  /** The bytes, where there is no storage. */
  get contents(): Contents {
    return new BlobContents(this.memory.blob());
  }

  /** Closes the file, which stays for a later download. */
  [Symbol.dispose](): void {
    this.file?.[Symbol.dispose]();
  }

  /** Starts the hash, as of the Hub's files: SHA-256 of large ones, Git's SHA-1 of small ones. */
  #startHash(): void {
    const { size, etag } = this.wanted;
    this.#hash = etag.length === 64 ? new Sha256() : new Sha1().update(`blob ${size}\0`);
  }
}
