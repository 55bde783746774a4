import { join } from "node:path";
import { UserError } from "../errors.ts";
import { ioReason } from "./io_error.ts";

/** A JSON object that has not been looked into yet. */
export type JsonObject = Record<string, unknown>;

/**
 * Reads a JSON file of a Hugging Face folder, such as config.json.
 *
 * @param dir the folder of a model, an adapter or a tokenizer.
 * @param file its name in the folder.
 * @param kind what the folder should be, for messages: "model", "PEFT adapter".
 * @throws UserError when the folder or the file is missing, or the file does not hold a JSON object.
 */
export async function readJson(dir: string, file: string, kind: string): Promise<JsonObject> {
  const json = await readJsonIfThere(dir, file);
  if (json) return json;
  const found = await listNames(dir);
  throw new UserError(
    found
      ? `${dir} is not a ${kind}'s folder: it has no ${file}, only ${found}.`
      : `${dir} is not a ${kind}'s folder: it does not exist or is empty.`,
  );
}

/** As {@linkcode readJson}, but null when there is no such file. */
export async function readJsonIfThere(dir: string, file: string): Promise<JsonObject | null> {
  const path = join(dir, file);
  const text = await readTextIfThere(path);
  if (text === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${path} is not JSON: ${(error as Error).message}.`, { cause: error });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const found = Array.isArray(value) ? "a list" : JSON.stringify(value);
    throw new UserError(`${path} holds ${found}, expected a JSON object ({…}).`);
  }
  return value as JsonObject;
}

/** A text file's contents, or null when there is no such file. @throws UserError when it cannot be read. */
export async function readTextIfThere(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw new UserError(`Cannot read ${path}: ${ioReason(error)}.`, { cause: error });
  }
}

/** Whether there is something of this name. @throws UserError when that cannot be told. */
export async function fileExists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new UserError(`Cannot read ${path}: ${ioReason(error)}.`, { cause: error });
  }
}

/** What a folder has, shortened for a message; empty when it is not there. */
async function listNames(dir: string): Promise<string> {
  try {
    const names = (await Array.fromAsync(Deno.readDir(dir), ({ name }) => name)).sort();
    return names.slice(0, 8).join(", ") + (names.length > 8 ? ", …" : "");
  } catch {
    return "";
  }
}
