import { BlobContents } from "./contents.ts";
import {
  type Change,
  concat,
  type FileTree,
  type FolderKeeper,
  type StoredBytes,
} from "./file_tree.ts";
import { crc32 } from "./hash.ts";
import type { StorageFile, StorageFolder } from "./storage.ts";

/** File of the changes. */
const JOURNAL = "journal";
/** Bytes from which on a file's contents have a file of their own in the storage. */
const LARGE = 1 << 16;
/** Bytes before an entry: its checksum, and the lengths of its two parts. */
const HEAD = 12;

/**
 * Folder of a page's files that outlives the page: its changes are appended to a file in the browser's
 * storage, and made again when it is opened. An entry is whole or, where the page was closed while it
 * was written, left out with its checksum: renaming a folder, for which the storage has no operation,
 * is one entry, and so happens entirely or not at all.
 */
export class Journal implements FolderKeeper, Disposable {
  #end: () => void = () => {};
  #nextId = 0;

  private constructor(
    private readonly storage: StorageFolder,
    private readonly file: StorageFile,
    /** Path of the folder in the tree. */
    private readonly path: string,
  ) {}

  /**
   * Opens a folder and makes its changes in the tree. One that is new is empty.
   *
   * @param path absolute path of the folder in the tree
   * @throws {FileError} `EBUSY` when somebody else has it open
   */
  static async open(tree: FileTree, path: string, storage: StorageFolder): Promise<Journal> {
    const journal = new Journal(storage, await storage.file(JOURNAL), path);
    try {
      const blobs = new Set(await storage.names());
      tree.makeFolder(path);
      for (const { change, bytes } of journal.#entries()) {
        if (change.do === "link") {
          journal.#nextId = Math.max(journal.#nextId, Number(change.id) + 1);
        }
        await replay(tree, withPaths(change, (name) => path + name), bytes, storage);
      }
      await journal.#removeUnused(tree, blobs);
    } catch (error) {
      journal.file[Symbol.dispose]();
      throw error;
    }
    journal.#end = tree.keepFolder(path, journal);
    return journal;
  }

  /** Keeps a change. */
  keep(change: Change, bytes: Uint8Array = new Uint8Array()): void {
    const inside = withPaths(change, (name) => name.slice(this.path.length));
    const text = new TextEncoder().encode(JSON.stringify(inside));
    const entry = new Uint8Array(HEAD + text.length + bytes.length);
    entry.set(text, HEAD);
    entry.set(bytes, HEAD + text.length);
    const view = new DataView(entry.buffer);
    view.setUint32(4, text.length);
    view.setUint32(8, bytes.length);
    view.setUint32(0, crc32(entry.subarray(4)));
    this.file.append(entry);
    this.file.flush();
  }

  /** Stores large contents in a file of their own, chunk by chunk. */
  async store(chunks: Iterable<Uint8Array>): Promise<StoredBytes | Uint8Array<ArrayBuffer>> {
    const iterator = Iterator.from(chunks);
    const first: Uint8Array[] = [];
    let size = 0;
    for (let next; size < LARGE && !(next = iterator.next()).done; size += next.value.length) {
      first.push(next.value.slice());
    }
    if (size < LARGE) return concat(first);
    const id = String(this.#nextId++);
    {
      using file = await this.storage.file(id);
      file.truncate(0);
      for (const chunk of first) file.append(chunk);
      for (const chunk of iterator) file.append(chunk);
      file.flush();
    }
    const blob = await this.storage.blob(id);
    return { id, contents: new StoredContents(id, blob!) };
  }

  /** Closes the folder; the tree keeps its files. */
  [Symbol.dispose](): void {
    this.#end();
    this.file[Symbol.dispose]();
  }

  /** Entries in their order; what is behind the last whole one is cut off. */
  *#entries(): Generator<{ change: Change; bytes: Uint8Array<ArrayBuffer> }> {
    const head = new Uint8Array(HEAD);
    const view = new DataView(head.buffer);
    let offset = 0;
    while (this.file.readAt(offset, head) === HEAD) {
      const [length, byteLength] = [view.getUint32(4), view.getUint32(8)];
      if (offset + HEAD + length + byteLength > this.file.size) break;
      const entry = new Uint8Array(HEAD + length + byteLength);
      this.file.readAt(offset, entry);
      if (crc32(entry.subarray(4)) !== view.getUint32(0)) break;
      const text = new TextDecoder().decode(entry.subarray(HEAD, HEAD + length));
      yield { change: JSON.parse(text), bytes: entry.slice(HEAD + length) };
      offset += entry.length;
    }
    if (offset < this.file.size) this.file.truncate(offset);
  }

  /** Removes stored contents that no file has any more. */
  async #removeUnused(tree: FileTree, blobs: Set<string>): Promise<void> {
    blobs.delete(JOURNAL);
    for (const { contents } of tree.filesBelow(this.path)) {
      if (contents instanceof StoredContents) blobs.delete(contents.id);
    }
    for (const id of blobs) await this.storage.remove(id);
  }

  /** Removes stored contents of a file that has gone. */
  forget(contents: unknown): void {
    if (!(contents instanceof StoredContents)) return;
    // What stays is removed when the folder is opened again.
    this.storage.remove(contents.id).catch(() => {});
  }
}

/** Contents in the storage. */
class StoredContents extends BlobContents {
  constructor(readonly id: string, blob: Blob) {
    super(blob);
  }
}

async function replay(
  tree: FileTree,
  change: Change,
  bytes: Uint8Array<ArrayBuffer>,
  storage: StorageFolder,
): Promise<void> {
  if (change.do === "folder") tree.makeFolder(change.path);
  else if (change.do === "write") tree.write(change.path, bytes);
  else if (change.do === "append") tree.append(change.path, bytes);
  else if (change.do === "truncate") tree.truncate(change.path, change.size);
  else if (change.do === "remove") tree.remove(change.path);
  else if (change.do === "move") tree.move(change.path, change.to);
  else {
    // The file of contents that were removed later is gone already.
    const blob = await storage.blob(change.id) ?? new Blob([]);
    tree.put(change.path, new StoredContents(change.id, blob));
  }
}

/** Change with its paths changed. */
function withPaths(change: Change, map: (path: string) => string): Change {
  const mapped = { ...change, path: map(change.path) };
  return mapped.do === "move" ? { ...mapped, to: map(mapped.to) } : mapped;
}
