import { UserError } from "../../errors.ts";
import { ioReason } from "../../platform/io_error.ts";
import { LockFile, lockHolder, NotALockError } from "../../platform/lock_file.ts";
import { join } from "../../platform/paths.ts";

/** Name of the file in a run's folder that a process holds a lock on while it uses the run. */
export const LOCK_FILE = ".lock";

/** Attempts to get the lock, and the milliseconds between them: to look takes less. */
const ATTEMPTS = 5;
const PAUSE = 20;

/** The right to use a run's folder, for one process at a time: see {@linkcode LockFile}. */
export class RunLock implements Disposable {
  private constructor(private readonly file: LockFile) {}

  /**
   * Takes the lock.
   *
   * @param run the run's folder, which exists
   * @throws {UserError} when another process has it, naming that, or the file cannot be written
   */
  static async acquire(run: string): Promise<RunLock> {
    for (let left = ATTEMPTS; left > 0; left--) {
      const file = await tryAcquire(run);
      if (file) return new RunLock(file);
      // Someone may only have looked, or be giving it back.
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
    throw runInUse(run);
  }

  /** True while a process uses the run. */
  static isHeld(run: string): boolean {
    return LockFile.isHeld(join(run, LOCK_FILE));
  }

  /** Number of the process that was killed while it held the lock, if that is what happened. */
  get stale(): number | null {
    return this.file.stale;
  }

  /**
   * Tells whether the lock keeps others out: not once its file was removed or replaced, for another
   * process then locks a new one.
   */
  get isIntact(): boolean {
    return this.file.isIntact;
  }

  /** Gives the lock back. */
  [Symbol.dispose](): void {
    this.file[Symbol.dispose]();
  }
}

async function tryAcquire(run: string): Promise<LockFile | null> {
  const path = join(run, LOCK_FILE);
  try {
    return await LockFile.acquire(path);
  } catch (error) {
    if (error instanceof NotALockError) {
      throw new UserError(
        `${path} was not made by Temper, and the run needs a file of that name: rename it`,
        { cause: error },
      );
    }
    throw new UserError(`cannot lock the run ${run}: ${ioReason(error)}`, { cause: error });
  }
}

/** Error of a run that another process uses. */
export function runInUse(run: string): UserError {
  const pid = lockHolder(join(run, LOCK_FILE)) ?? "unknown";
  return new UserError(
    `the run ${run} is in use by process ${pid}: wait until it is done, or stop it`,
  );
}
