import { type Contents, MemoryContents } from "./contents.ts";
import { FileError } from "./file_error.ts";
import { dirname, resolve } from "./paths.ts";

/** Place where a folder's changes are kept before they are made in the tree. */
export interface FolderKeeper {
  /**
   * Keeps a change; `bytes` are those of `write` and `append`.
   *
   * @throws {FileError} when it cannot, and the change is not to be made
   */
  keep(change: Change, bytes?: Uint8Array): void;
  /**
   * Keeps bytes beside the changes, for a `link` to follow; small ones are returned instead.
   *
   * @param chunks each is good until the next one is asked for
   */
  store(chunks: Iterable<Uint8Array>): Promise<StoredBytes | Uint8Array<ArrayBuffer>>;
  /** Learns that contents are no file's any more. */
  forget(contents: Contents): void;
}

/** Bytes that a keeper has, by a name of its own. */
export interface StoredBytes {
  readonly id: string;
  readonly contents: Contents;
}

/** Change of a folder, in which paths are absolute. */
export type Change =
  | { do: "folder"; path: string }
  | { do: "write"; path: string }
  | { do: "append"; path: string }
  | { do: "remove"; path: string }
  | { do: "link"; path: string; id: string }
  | { do: "truncate"; path: string; size: number }
  | { do: "move"; path: string; to: string };

/** File, with the time of its last change in milliseconds since 1970. */
interface FileNode {
  readonly contents: Contents;
  readonly modified: number;
}

/** Files of a page: a tree in memory, whose folders may be kept elsewhere as well. */
export class FileTree {
  /** Files, and null for folders, by their absolute paths. */
  readonly #nodes = new Map<string, FileNode | null>([["/", null]]);
  readonly #keepers = new Map<string, FolderKeeper>();

  /** Finds a file; null for a folder, undefined where nothing is. */
  find(path: string): FileNode | null | undefined {
    return this.#nodes.get(resolve(path));
  }

  /** Finds a file. @throws {FileError} where there is none */
  file(path: string): FileNode {
    const node = this.find(path);
    if (node) return node;
    throw new FileError(node === null ? "EISDIR" : "ENOENT", path);
  }

  /** Files below a folder, with their absolute paths. */
  filesBelow(folder: string): { path: string; contents: Contents }[] {
    return this.#below(resolve(folder)).flatMap((path) => {
      const node = this.#nodes.get(path);
      return node ? [{ path, contents: node.contents }] : [];
    });
  }

  /** Names in a folder, of files and of folders. @throws {FileError} where there is none */
  names(path: string): string[] {
    const folder = resolve(path);
    const node = this.#nodes.get(folder);
    if (node !== null) throw new FileError(node ? "ENOTDIR" : "ENOENT", path);
    const prefix = folder === "/" ? "/" : `${folder}/`;
    return this.#below(folder).filter((name) => !name.slice(prefix.length).includes("/"))
      .map((name) => name.slice(prefix.length));
  }

  /** Makes a folder, with those above it. @throws {FileError} where a file is in its way */
  makeFolder(path: string): void {
    const folder = resolve(path);
    const node = this.#nodes.get(folder);
    if (node === null) return;
    if (node) throw new FileError("EEXIST", path);
    this.makeFolder(dirname(folder));
    this.#keep({ do: "folder", path: folder });
    this.#nodes.set(folder, null);
  }

  /** Writes a file in place of one that may be there. @throws {FileError} */
  write(path: string, bytes: Uint8Array<ArrayBuffer>): void {
    const file = this.#checkedFile(path);
    this.#keep({ do: "write", path: file }, bytes);
    this.#set(file, new MemoryContents(bytes));
  }

  /** Puts contents in a file's place that are kept already, or need not be. @throws {FileError} */
  put(path: string, contents: Contents): void {
    this.#set(this.#checkedFile(path), contents);
  }

  /**
   * Writes a file of any size in place of one that may be there.
   *
   * @param chunks each is good until the next one is asked for
   * @throws {FileError}
   */
  async writeChunks(path: string, chunks: Iterable<Uint8Array>): Promise<void> {
    const file = this.#checkedFile(path);
    const keeper = this.#keeperOf(file);
    const stored = await keeper?.store(chunks) ??
      concat(Array.from(chunks, (part) => part.slice()));
    if (stored instanceof Uint8Array) return this.write(file, stored);
    keeper!.keep({ do: "link", path: file, id: stored.id });
    this.#set(file, stored.contents);
  }

  /** Appends to a file, or makes it. @throws {FileError} */
  append(path: string, bytes: Uint8Array): void {
    const file = this.#checkedFile(path);
    const contents = this.#nodes.get(file)?.contents;
    if (contents && !(contents instanceof MemoryContents)) throw new FileError("EROFS", path);
    this.#keep({ do: "append", path: file }, bytes);
    const memory = contents ?? new MemoryContents();
    memory.append(bytes);
    this.#set(file, memory);
  }

  /** Cuts a file off. @throws {FileError} */
  truncate(path: string, size: number): void {
    const { contents } = this.file(path);
    if (!(contents instanceof MemoryContents)) throw new FileError("EROFS", path);
    this.#keep({ do: "truncate", path: resolve(path), size });
    contents.truncate(size);
  }

  /** Removes a file, or a folder with all that is in it. @throws {FileError} */
  remove(path: string): void {
    const top = resolve(path);
    if (!this.#nodes.has(top)) throw new FileError("ENOENT", path);
    this.#keep({ do: "remove", path: top });
    for (const name of [...this.#below(top), top]) {
      this.#forget(name);
      this.#nodes.delete(name);
    }
  }

  /** Renames a file, in place of one that may be there, or a folder. @throws {FileError} */
  move(path: string, to: string): void {
    const [from, target] = [resolve(path), this.#checked(to)];
    const node = this.#nodes.get(from);
    if (node === undefined) throw new FileError("ENOENT", path);
    if (node === null && this.#below(target).length > 0) throw new FileError("ENOTEMPTY", to);
    if (this.#keeperOf(from) !== this.#keeperOf(target)) throw new FileError("EXDEV", to);
    const moved = [from, ...this.#below(from)].map((name) =>
      [name, target + name.slice(from.length), this.#nodes.get(name)!] as const
    );
    this.#keep({ do: "move", path: from, to: target });
    this.#forget(target);
    for (const [name] of moved) this.#nodes.delete(name);
    for (const [, name, each] of moved) this.#nodes.set(name, each);
  }

  /**
   * Lets a keeper keep the changes of a folder from now on.
   *
   * @returns function that ends that
   */
  keepFolder(path: string, keeper: FolderKeeper): () => void {
    const folder = resolve(path);
    this.#keepers.set(folder, keeper);
    return () => this.#keepers.delete(folder);
  }

  /** Path of a file that can be put somewhere. @throws {FileError} */
  #checked(path: string): string {
    const file = resolve(path);
    const folder = this.#nodes.get(dirname(file));
    if (folder === undefined) throw new FileError("ENOENT", dirname(file));
    if (folder !== null) throw new FileError("ENOTDIR", dirname(file));
    return file;
  }

  /** As {@linkcode #checked}, of a file. */
  #checkedFile(path: string): string {
    const file = this.#checked(path);
    if (this.#nodes.get(file) === null) throw new FileError("EISDIR", path);
    return file;
  }

  #set(file: string, contents: Contents): void {
    if (this.#nodes.get(file)?.contents !== contents) this.#forget(file);
    this.#nodes.set(file, { contents, modified: Date.now() });
  }

  /** Tells the keeper that a file's contents go. */
  #forget(path: string): void {
    const node = this.#nodes.get(path);
    if (node) this.#keeperOf(path)?.forget(node.contents);
  }

  /** Paths below a folder. */
  #below(folder: string): string[] {
    const prefix = folder === "/" ? "/" : `${folder}/`;
    return [...this.#nodes.keys()].filter((name) => name.startsWith(prefix) && name !== prefix);
  }

  #keeperOf(path: string): FolderKeeper | null {
    for (const [folder, keeper] of this.#keepers) {
      if (path === folder || path.startsWith(`${folder}/`)) return keeper;
    }
    return null;
  }

  #keep(change: Change, bytes?: Uint8Array): void {
    this.#keeperOf(change.path)?.keep(change, bytes);
  }
}

/** Files of this page or worker. */
export const files: FileTree = new FileTree();

/** Joins chunks into memory of their own. */
export function concat(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(chunks.reduce((size, { length }) => size + length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
