import { refuseSpecial, refuseSpecialIfThere } from "./files.ts";

/**
 * File that one process at a time holds a lock of the operating system's on. The lock ends with the
 * process however that ends: a file that a killed process left behind is known to be stale.
 */
export class LockFile implements Disposable {
  #released = false;

  private constructor(
    private readonly path: string,
    private readonly file: Deno.FsFile,
    /** Process that was killed while it held the lock, if that is what happened. */
    readonly stale: number | null,
  ) {}

  /**
   * Takes the lock, and creates the file where there is none.
   *
   * @returns null when another process has it, or gave it back just now
   * @throws {NotALockError} when the file holds something else
   * @throws {Error} of the system, when the file cannot be written
   */
  static acquire(path: string): Promise<LockFile | null> {
    return Promise.try(() => LockFile.#acquire(path));
  }

  static #acquire(path: string): LockFile | null {
    let file: Deno.FsFile | null = null;
    try {
      refuseSpecialIfThere(path);
      file = Deno.openSync(path, { read: true, write: true, create: true });
      // One that was removed after it was opened locks nobody else out: they make a new one.
      if (!file.tryLockSync(true) || !isAt(path, file)) {
        file.close();
        return null;
      }
      const stale = lockHolder(path);
      if (stale === null && file.statSync().size > 0) throw new NotALockError();
      file.truncateSync();
      file.writeSync(new TextEncoder().encode(JSON.stringify({ pid: Deno.pid })));
      return new LockFile(path, file, stale);
    } catch (error) {
      file?.close();
      throw error;
    }
  }

  /** Tells whether a process holds the lock. */
  static isHeld(path: string): boolean {
    try {
      refuseSpecial(path);
      using file = Deno.openSync(path, { read: true });
      return !file.tryLockSync(false);
    } catch {
      return false;
    }
  }

  /**
   * Tells whether the lock keeps others out: not once its file was removed or replaced, for another
   * process then locks a new one.
   */
  get isIntact(): boolean {
    try {
      return !this.#released && isAt(this.path, this.file);
    } catch {
      return false;
    }
  }

  /** Gives the lock back, and removes the file. */
  [Symbol.dispose](): void {
    if (this.#released) return;
    try {
      // One in its place is another process's.
      if (this.isIntact) Deno.removeSync(this.path);
    } catch {
      // The folder has become read-only or is gone. The lock ends with the file below.
    }
    this.#released = true;
    this.file.close();
  }
}

/** Error of a file in the lock's place that no lock has written. */
export class NotALockError extends Error {}

/** Process that a lock's file names; null when it names none. */
export function lockHolder(path: string): number | null {
  try {
    refuseSpecial(path);
    const { pid } = JSON.parse(Deno.readTextFileSync(path));
    return typeof pid === "number" ? pid : null;
  } catch {
    return null;
  }
}

/** Compares a file that is open with the one of this name. */
function isAt(path: string, file: Deno.FsFile): boolean {
  try {
    const [named, open] = [Deno.statSync(path), file.statSync()];
    return named.ino === open.ino && named.dev === open.dev;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
