import { join } from "../../platform/paths.ts";
import { writeFileAtomic } from "../../platform/atomic_write.ts";
import { readTextFile } from "../../platform/files.ts";

/** Writes a measurement into a run's folder. @throws {UserError} naming the file and the reason */
export async function writeMeasurement(
  run: string,
  file: string,
  measurement: unknown,
): Promise<void> {
  await writeFileAtomic(join(run, file), JSON.stringify(measurement, null, 2) + "\n");
}

/**
 * Reads a measurement from a run's folder.
 *
 * @param parse checks it; null for one that is broken
 * @returns null where there is none of use: then it is made again, with the same numbers
 */
export async function readMeasurement<Measurement>(
  run: string,
  file: string,
  parse: (json: unknown) => Measurement | null,
): Promise<Measurement | null> {
  try {
    return parse(JSON.parse(await readTextFile(join(run, file))));
  } catch {
    return null;
  }
}
