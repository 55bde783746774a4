import { join } from "../../platform/paths.ts";
import { z } from "../../packages/zod.ts";
import { UserError } from "../../errors.ts";
import { writeFileAtomic } from "../../platform/atomic_write.ts";
import { readTextFile, removeFile, writeTextNow } from "../../platform/files.ts";

/** Failure of a run: its `failed.json`, there from then on until it is resumed. */
export interface Failure {
  /** The error's class: `UserError`, `TrainingDivergedError`, `TypeError` for a mistake in Temper. */
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
    const error = new UserError(
      "the process ended during the run, perhaps because of a reward script",
    );
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

/** Errors of training itself: with the same settings, a resumed run would fail again. */
const DIVERGENCES: readonly string[] = ["TrainingDivergedError", "NotFiniteError"];

/** Tells whether a failure, by its `kind`, would come again if the run were resumed. */
export function isDivergenceKind(kind: unknown): boolean {
  return DIVERGENCES.includes(kind as string);
}

function contentOf(error: unknown, step: number): string {
  const { name, message, cause } = error instanceof Error ? error : new Error(String(error));
  // What a run says of a divergence is about where it stopped; the cause is what happened.
  const { name: causeName } = cause instanceof Error ? cause : { name };
  const failure: Failure = { kind: isDivergenceKind(causeName) ? causeName : name, message, step };
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
