import { basename, dirname, join } from "./paths.ts";

/** Temper's mark in the name of a temporary: nobody else's `.notes.tmp` has it. */
const TEMPORARY = /^\..+\.temper-[0-9a-f-]{36}\.tmp$/;

/** Path of a file or folder that will be renamed to `path`, beside it, once it is whole. */
export function temporaryPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.temper-${crypto.randomUUID()}.tmp`);
}

/** Tells whether a name is one that {@linkcode temporaryPath} gave, which may be deleted. */
export function isTemporary(name: string): boolean {
  return TEMPORARY.test(name);
}
