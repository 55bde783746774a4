/** Types that the implementations of this folder share: Deno's here, a page's in `browser/`. */

/** File, folder or other entry of a folder. */
export interface FolderEntry {
  /** Name in the folder. */
  readonly name: string;
  /** True for a folder; false also for a link to one. */
  readonly isFolder: boolean;
}

/** Kind and size of what a path leads to. */
export interface FileInfo {
  /** True for a file, also behind a link. */
  readonly isFile: boolean;
  /** True for a folder, also behind a link. */
  readonly isFolder: boolean;
  /** Bytes. */
  readonly size: number;
  /** Time of the last change, in milliseconds since 1970; null where the system does not say. */
  readonly modified: number | null;
}

/** File that is open for reading. Its methods throw the system's errors. */
export interface ReadableFile {
  /** Bytes of the file when it was opened. */
  readonly size: number;
  /** Reads bytes from an offset on. Returns how many were read; 0 at the end. */
  readAt(offset: number, into: Uint8Array): number;
  /** Closes the file. */
  close(): void;
}

/** File that is open for writing. Its methods throw the system's errors. */
export interface WritableFile {
  /** Appends bytes. */
  write(bytes: Uint8Array): void;
  /** Closes the file. */
  close(): void;
}

/** File that is open for appending. Its methods throw the system's errors. */
export interface AppendedFile extends WritableFile {
  /** Waits until the disk has what was written. */
  sync(): void;
}

/** Thread that runs a module. */
export interface Thread {
  /** Resolves when the thread has called `reportReady`, and rejects when it fails before. */
  readonly ready: Promise<void>;
  /** Tells whether the thread has ended, by itself or by {@linkcode terminate}. */
  hasEnded(): boolean;
  /** Lets the program end while the thread is running. */
  unref(): void;
  /** Ends the thread. */
  terminate(): void;
}

/** Limits of one call. */
export interface Limits {
  /** Maximum number of seconds. */
  seconds: number;
  /**
   * Maximum number of bytes that the process may grow by meanwhile, whoever takes them. Default: no
   * limit but that of the thread's own heap.
   */
  bytes?: number;
}

/** Facts about the program that is running, and the machine that it runs on. */
export interface ProgramFacts {
  /** Arguments of the command line. */
  readonly command: string[];
  /** Versions of what runs the program. */
  readonly versions: Record<string, string>;
  /** Machine: `os`, `arch`, `cpus`, and `memory` in bytes. */
  readonly machine: Record<string, string | number>;
}

/** Commit of the working folder's Git repository; `dirty` with changes on top. */
export interface GitCommit {
  commit: string;
  dirty: boolean;
}

/** End of a subprocess. */
export interface SubprocessResult {
  /** True for exit code 0. */
  readonly success: boolean;
  /** Standard output, as text. */
  readonly stdout: string;
  /** Standard error, as text. */
  readonly stderr: string;
}
