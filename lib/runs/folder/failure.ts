import { join } from "../../platform/paths.ts";
import { z } from "../../packages/zod.ts";
import { UserError } from "../../errors.ts";
import { writeFileAtomic } from "../../platform/atomic_write.ts";
import { readTextFile, removeFile, writeTextNow } from "../../platform/files.ts";

/** Failure of a run: its `failed.json`, there from then on until it is resumed. */
export interface Failure {
  /** The error's class: `UserError`, `OutOfMemoryError`, `TypeError` for a mistake in Temper. */
  kind: string;
  /** Message of the error. */
  message: string;
  /** Steps that were done. */
  step: number;
}

const FILE = "failed.json";

/** Leaves in a run's folder why it failed. Where that cannot be written, the error alone tells. */
export async function recordFailure(run: string, error: unknown, step: number): Promise<void> {
  try {
    await writeFileAtomic(join(run, FILE), contentOf(error, step));
  } catch {
    // A full disk may be what it failed of.
  }
}

/**
 * Records a failure where the process ends before the run, as when a reward script exits.
 *
 * @param step steps done at that time; null before the run has a folder of its own
 * @param interrupted true when the run was to stop anyway
 * @returns the watch, to be disposed of with the run
 */
export function recordExit(
  run: string,
  step: () => number | null,
  interrupted: () => boolean,
): Disposable {
  const onUnload = () => {
    const done = step();
    if (done === null || interrupted()) return;
    const error = new UserError("the process was ended during the run, by a reward script perhaps");
    try {
      // There is no time for anything that waits.
      writeTextNow(join(run, FILE), contentOf(error, done));
    } catch {
      // As above.
    }
  };
  addEventListener("unload", onUnload);
  return { [Symbol.dispose]: () => removeEventListener("unload", onUnload) };
}

function contentOf(error: unknown, step: number): string {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const failure: Failure = { kind: name, message, step };
  return JSON.stringify(failure, null, 2) + "\n";
}

/** Forgets how a run failed: it goes on. */
export async function forgetFailure(run: string): Promise<void> {
  await removeFile(join(run, FILE)).catch(() => {});
}

const failureSchema = z.object({ kind: z.string(), message: z.string(), step: z.int() });

/** Reads how a run failed; null when it did not, or what it left is broken. */
export async function readFailure(run: string): Promise<Failure | null> {
  try {
    return failureSchema.parse(JSON.parse(await readTextFile(join(run, FILE))));
  } catch {
    return null;
  }
}
