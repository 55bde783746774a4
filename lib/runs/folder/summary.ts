import { basename, dirname } from "../../platform/paths.ts";
import type { z } from "../../packages/zod.ts";
import { UserError } from "../../errors.ts";
import { writeFileAtomic } from "../../platform/atomic_write.ts";
import { readJsonIfThere } from "../../formats/hf_config.ts";

/** Writes `summary.json`. @throws {UserError} naming the file and the reason */
export async function writeSummary(path: string, summary: object): Promise<void> {
  await writeFileAtomic(path, JSON.stringify(summary, null, 2) + "\n");
}

/**
 * Reads `summary.json`; null when the run has none.
 *
 * @throws {UserError} when it cannot be read, or is not what was written
 */
export async function readSummary<Summary>(
  path: string,
  schema: z.ZodType<Summary>,
): Promise<Summary | null> {
  const json = await readJsonIfThere(dirname(path), basename(path));
  if (json === null) return null;
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [{ path: at, message }] = parsed.error.issues;
  throw new UserError(`${path}: ${at.join(".")}: ${message}`);
}
