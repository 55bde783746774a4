import { UserError } from "../errors.ts";
import { readTextIfThere } from "../platform/optional_text.ts";
import { join } from "../platform/paths.ts";

/** Depth from which on lists in lists are not read: known files have up to ten. */
const MAX_DEPTH = 100;

/** JSON object whose entries have not been checked. */
export type JsonObject = Record<string, unknown>;

/**
 * Parses a JSON object.
 *
 * @param path file that the text is from, for messages
 * @throws {UserError} when the text is not JSON, or another value, or nested too deeply for what works
 *   on it
 */
export function parseJsonObject(text: string, path: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${path} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const found = Array.isArray(value) ? "a list" : JSON.stringify(value);
    throw new UserError(`${path} holds ${found}, expected a JSON object ({…})`);
  }
  checkDepth(value, path);
  return value as JsonObject;
}

/**
 * Checks that a JSON value is not nested too deeply for what works on it.
 *
 * @param place file, and line, that the value is from, for messages
 * @throws {UserError} when it is
 */
export function checkDepth(value: object, place: string): void {
  if (!isDeep(value)) return;
  throw new UserError(
    `${place} nests lists or objects more than ${MAX_DEPTH} levels deep`,
  );
}

/** Checks for values below the greatest depth, level by level: they may be too deep to recurse. */
function isDeep(root: object): boolean {
  let level: object[] = [root];
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    const next: object[] = [];
    for (const parent of level) {
      for (const value of Object.values(parent)) {
        if (typeof value === "object" && value !== null) next.push(value);
      }
    }
    if (next.length === 0) return false;
    level = next;
  }
  return true;
}

/**
 * Reads a JSON file of a folder; null when there is none of this name.
 *
 * @throws {UserError} when it cannot be read, or does not hold a JSON object
 */
export async function readJsonIfThere(dir: string, file: string): Promise<JsonObject | null> {
  const path = join(dir, file);
  const text = await readTextIfThere(path);
  return text === null ? null : parseJsonObject(text, path);
}
