/**
 * Lock on a path in the files of this worker, which no other one has: two tabs are kept apart where
 * a folder is opened in the browser's storage.
 */
export class LockFile implements Disposable {
  static readonly #held = new Set<string>();
  /** A page knows no processes. */
  readonly stale: number | null = null;

  private constructor(private readonly path: string) {}

  /** Takes the lock; null when it is taken. */
  static acquire(path: string): Promise<LockFile | null> {
    if (LockFile.#held.has(path)) return Promise.resolve(null);
    LockFile.#held.add(path);
    return Promise.resolve(new LockFile(path));
  }

  /** Tells whether the lock is taken. */
  static isHeld(path: string): boolean {
    return LockFile.#held.has(path);
  }

  /** Tells whether the lock is still held. */
  get isIntact(): boolean {
    return LockFile.#held.has(this.path);
  }

  /** Gives the lock back. */
  [Symbol.dispose](): void {
    LockFile.#held.delete(this.path);
  }
}

/** Error of a file in the lock's place that no lock has written; never thrown in a page. */
export class NotALockError extends Error {}

/** A page knows no processes. */
export function lockHolder(_path: string): number | null {
  return null;
}
