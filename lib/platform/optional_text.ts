import { UserError } from "../errors.ts";
import { isNotFound, readTextFile } from "./files.ts";
import { ioReason } from "./io_error.ts";

/** Reads a text file; null when it does not exist. @throws {UserError} when it cannot be read */
export async function readTextIfThere(path: string): Promise<string | null> {
  try {
    return await readTextFile(path);
  } catch (error) {
    if (isNotFound(error)) return null;
    throw new UserError(`cannot read ${path}: ${ioReason(error)}`, { cause: error });
  }
}
