import { dirname, join, relative, resolve } from "node:path";
import { UserError } from "../errors.ts";

/** Environment variable in which the launcher of an executable gives its own path, absolute. */
const EXECUTABLE_VARIABLE = "TEMPER_EXECUTABLE";

/**
 * Paths of the executable that runs: the file as it was called, where links lead from there, and
 * the folder that it is unpacked in. Empty in a checkout, which is the user's to change.
 */
export function programPaths(): string[] {
  const file = Deno.env.get(EXECUTABLE_VARIABLE);
  if (!file) return [];
  // The launcher unpacks into FOLDER/ID/deno.
  return [file, realPath(file), realPath(dirname(dirname(Deno.execPath())))];
}

/**
 * Checks that what a command may write does not hold the program. Deno's permissions name paths, and
 * whoever may write a folder can rename what lies in it, or write through a link that it finds there:
 * a reward script could leave its own code in the program's place.
 *
 * @param written files and folders that are to be writable, whether they exist or not
 * @param program paths of the program, as of {@linkcode programPaths}
 * @throws {UserError} naming the folder or the link
 */
export function checkProgramIsApart(
  written: Iterable<string>,
  program: readonly string[] = programPaths(),
): void {
  if (program.length === 0) return;
  const touches = (path: string) =>
    program.some((protectedPath) => holds(path, protectedPath) || holds(protectedPath, path));
  for (const path of written) {
    if ([resolve(path), realPath(path)].some(touches)) {
      throw new UserError(
        `${path} cannot be written by this program, which lies in it or around it: ` +
          "name another folder, or move the program",
      );
    }
    for (const link of linksIn(realPath(path))) {
      if (!touches(realPath(link))) continue;
      throw new UserError(`${link} is a link that leads to this program: remove the link`);
    }
  }
}

/** Tells whether a folder is a path or holds it at any depth. */
function holds(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith("../") && !way.startsWith("/");
}

/** Path with all links resolved; what does not exist yet is appended to what does. */
function realPath(path: string): string {
  const absolute = resolve(path);
  try {
    return Deno.realPathSync(absolute);
  } catch {
    const parent = dirname(absolute);
    return parent === absolute ? absolute : join(realPath(parent), relative(parent, absolute));
  }
}

/** Links in a folder at any depth; none where it is a file or does not exist. */
function* linksIn(folder: string): Generator<string> {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(folder)];
  } catch {
    return;
  }
  for (const { name, isDirectory, isSymlink } of entries) {
    const path = join(folder, name);
    if (isSymlink) yield path;
    else if (isDirectory) yield* linksIn(path);
  }
}
