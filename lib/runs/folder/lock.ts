import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { ioReason } from "../../platform/io_error.ts";
import { refuseSpecial, refuseSpecialIfThere } from "../../platform/files.ts";

/** Name of the file in a run's folder that a process holds a lock on while it uses the run. */
export const LOCK_FILE = ".lock";

/** Attempts to get the lock, and the milliseconds between them: to look takes less. */
const ATTEMPTS = 5;
const PAUSE = 20;

/**
 * The right to use a run's folder, for one process at a time. It is a lock of the operating
 * system's on the file `.lock`, which ends with the process however that ends: a file that was left
 * behind by a process that was killed is known to be stale.
 */
export class RunLock implements Disposable {
  #released = false;

  private constructor(
    private readonly path: string,
    private readonly file: Deno.FsFile,
    /** Number of the process that was killed while it held the lock, if that is what happened. */
    readonly stale: number | null,
  ) {}

  /**
   * Takes the lock.
   *
   * @param run the run's folder, which exists
   * @throws {UserError} when another process has it, naming that, or the file cannot be written
   */
  static async acquire(run: string): Promise<RunLock> {
    for (let left = ATTEMPTS; left > 0; left--) {
      const lock = RunLock.#tryAcquire(run);
      if (lock) return lock;
      // Someone may only have looked, or be giving it back.
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
    throw runInUse(run);
  }

  /** Null when another has it, or gave it back just now. */
  static #tryAcquire(run: string): RunLock | null {
    const path = join(run, LOCK_FILE);
    let file: Deno.FsFile | null = null;
    try {
      refuseSpecialIfThere(path);
      file = Deno.openSync(path, { read: true, write: true, create: true });
      // One that was removed after it was opened locks nobody else out: they make a new one.
      if (!file.tryLockSync(true) || !isAt(path, file)) {
        file.close();
        return null;
      }
      const stale = holder(path);
      if (stale === null && file.statSync().size > 0) {
        throw new UserError(
          `${path} is a file of yours, where the run needs one of that name: rename it`,
        );
      }
      file.truncateSync();
      file.writeSync(new TextEncoder().encode(JSON.stringify({ pid: Deno.pid })));
      return new RunLock(path, file, stale);
    } catch (error) {
      file?.close();
      if (error instanceof UserError) throw error;
      throw new UserError(`cannot lock the run ${run}: ${ioReason(error)}`, { cause: error });
    }
  }

  /** True while a process uses the run. */
  static isHeld(run: string): boolean {
    try {
      refuseSpecial(join(run, LOCK_FILE));
      using file = Deno.openSync(join(run, LOCK_FILE), { read: true });
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

  /** Gives the lock back. */
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

/** Error of a run that another process uses. */
export function runInUse(run: string): UserError {
  const pid = holder(join(run, LOCK_FILE)) ?? "unknown";
  return new UserError(
    `the run ${run} is in use by process ${pid}: wait until it is done, or stop it`,
  );
}

/** The process that the file names; null when it names none. */
function holder(path: string): number | null {
  try {
    refuseSpecial(path);
    const { pid } = JSON.parse(Deno.readTextFileSync(path));
    return typeof pid === "number" ? pid : null;
  } catch {
    return null;
  }
}
