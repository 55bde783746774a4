import { join } from "node:path";
import { UserError } from "../errors.ts";
import { ioReason } from "../formats/io_error.ts";

/** Name of the file in a run's folder that a process holds a lock on while it uses the run. */
export const LOCK_FILE = ".lock";

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
  static acquire(run: string): RunLock {
    const path = join(run, LOCK_FILE);
    try {
      const file = Deno.openSync(path, { read: true, write: true, create: true });
      if (!file.tryLockSync(true)) {
        file.close();
        throw runInUse(run);
      }
      const stale = holder(path);
      file.truncateSync();
      file.writeSync(new TextEncoder().encode(JSON.stringify({ pid: Deno.pid })));
      return new RunLock(path, file, stale);
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new UserError(`cannot lock the run ${run}: ${ioReason(error)}`, { cause: error });
    }
  }

  /** Whether a process uses the run now. */
  static isHeld(run: string): boolean {
    try {
      using file = Deno.openSync(join(run, LOCK_FILE), { read: true });
      return !file.tryLockSync(false);
    } catch {
      return false;
    }
  }

  /** Gives the lock back. */
  [Symbol.dispose](): void {
    if (this.#released) return;
    this.#released = true;
    try {
      Deno.removeSync(this.path);
    } catch {
      // The folder has become read-only or is gone. The lock ends with the file below.
    }
    this.file.close();
  }
}

/** Says that another process has the run. */
export function runInUse(run: string): UserError {
  const pid = holder(join(run, LOCK_FILE)) ?? "unknown";
  return new UserError(
    `the run ${run} is in use by process ${pid}: wait until it is done, or stop it`,
  );
}

/** The process that the file names; null when it names none. */
function holder(path: string): number | null {
  try {
    const { pid } = JSON.parse(Deno.readTextFileSync(path));
    return typeof pid === "number" ? pid : null;
  } catch {
    return null;
  }
}
