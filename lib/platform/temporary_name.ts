import { basename, dirname, join } from "./paths.ts";

/** Temper's mark in the name of a temporary: nobody else's `.notes.tmp` has it. */
const TEMPORARY = /^\.(.+)\.temper-[0-9a-f-]{36}\.(tmp|old)$/;

/** Path of a file or folder that will be renamed to `path`, beside it, once it is whole. */
export function temporaryPath(path: string): string {
  return besides(path, "tmp");
}

/** Path of the folder at `path` for the moment in which another one takes its place. */
export function asidePath(path: string): string {
  return besides(path, "old");
}

function besides(path: string, ending: "tmp" | "old"): string {
  return join(dirname(path), `.${basename(path)}.temper-${crypto.randomUUID()}.${ending}`);
}

/** Tells whether a name is one that {@linkcode temporaryPath} or {@linkcode asidePath} gave. */
export function isTemporary(name: string): boolean {
  return TEMPORARY.test(name);
}

/** Name of the folder that {@linkcode asidePath} named; null for another name. */
export function nameOfAside(name: string): string | null {
  const [, original, ending] = TEMPORARY.exec(name) ?? [];
  return ending === "old" ? original : null;
}
