import { FileError } from "./file_error.ts";

/** Folder in the browser's storage for this site, the origin private file system. */
export class StorageFolder {
  private constructor(private readonly handle: FileSystemDirectoryHandle) {}

  /**
   * Opens a folder, made where it is missing.
   *
   * @returns null where the browser offers none: outside of workers, in some private windows
   */
  static async open(...path: string[]): Promise<StorageFolder | null> {
    const hasHandles = typeof FileSystemFileHandle !== "undefined" &&
      "createSyncAccessHandle" in FileSystemFileHandle.prototype;
    if (!hasHandles || !navigator.storage?.getDirectory) return null;
    try {
      let handle = await navigator.storage.getDirectory();
      for (const name of path) handle = await handle.getDirectoryHandle(name, { create: true });
      return new StorageFolder(handle);
    } catch (error) {
      if (error instanceof DOMException) return null;
      throw error;
    }
  }

  /**
   * Opens a file to read and write it, made where it is missing. Nobody else can, until it is closed.
   *
   * @throws {FileError} `EBUSY` when somebody has it open, `EDQUOT` when the browser grants no more
   */
  async file(name: string): Promise<StorageFile> {
    try {
      const file = await this.handle.getFileHandle(name, { create: true }) as SyncFileHandle;
      return new StorageFile(await file.createSyncAccessHandle());
    } catch (error) {
      const isBusy = (error as Error).name === "NoModificationAllowedError";
      throw isBusy ? new FileError("EBUSY", name) : storageError(error);
    }
  }

  /** Contents of a file as they are now; null where there is none. */
  async blob(name: string): Promise<File | null> {
    try {
      return await (await this.handle.getFileHandle(name)).getFile();
    } catch (error) {
      if ((error as Error).name === "NotFoundError") return null;
      throw error;
    }
  }

  /** Names of the files and folders in it. */
  async names(): Promise<string[]> {
    const { handle } = this;
    return await Array.fromAsync((handle as unknown as { keys(): AsyncIterable<string> }).keys());
  }

  /** Removes a file, or a folder with all that is in it. One that is not there is no error. */
  async remove(name: string): Promise<void> {
    await this.handle.removeEntry(name, { recursive: true }).catch((error) => {
      if (error.name !== "NotFoundError") throw error;
    });
  }
}

/** File of a {@linkcode StorageFolder} that is open. */
export class StorageFile implements Disposable {
  #size: number;

  /** Takes the handle, which it closes. */
  constructor(private readonly handle: SyncAccessHandle) {
    this.#size = handle.getSize();
  }

  /** Number of bytes. */
  get size(): number {
    return this.#size;
  }

  /** Reads bytes from an offset on. Returns how many were read. */
  readAt(offset: number, into: Uint8Array): number {
    return this.handle.read(into, { at: offset });
  }

  /** Appends bytes. @throws {FileError} `EDQUOT` when the browser grants no more */
  append(bytes: Uint8Array): void {
    const written = granted(() => this.handle.write(bytes, { at: this.#size }));
    if (written < bytes.length) throw new FileError("EDQUOT", "storage");
    this.#size += written;
  }

  /** Cuts the file off behind its first bytes. */
  truncate(byteLength: number): void {
    this.handle.truncate(byteLength);
    this.#size = byteLength;
  }

  /** Waits until the disk has the bytes. @throws {FileError} `EDQUOT` when it has no more room */
  flush(): void {
    granted(() => this.handle.flush());
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.handle.close();
  }
}

/** Does something that needs room. @throws {FileError} `EDQUOT` when the browser grants no more */
function granted<T>(operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    throw storageError(error);
  }
}

/** Error to throw for one of the browser's. */
function storageError(error: unknown): unknown {
  const isFull = (error as Error).name === "QuotaExceededError";
  return isFull ? new FileError("EDQUOT", "storage") : error;
}

interface SyncFileHandle extends FileSystemFileHandle {
  createSyncAccessHandle(): Promise<SyncAccessHandle>;
}

interface SyncAccessHandle {
  getSize(): number;
  read(into: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}
