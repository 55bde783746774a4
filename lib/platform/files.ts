import { existsSync } from "node:fs";
import { cp } from "node:fs/promises";
import { UserError } from "../errors.ts";
import { ioReason } from "./io_error.ts";
import type {
  AppendedFile,
  FileInfo,
  FolderEntry,
  ReadableFile,
  WritableFile,
} from "./interfaces.ts";

export type { AppendedFile, FileInfo, FolderEntry, ReadableFile, WritableFile };

/** Tells whether a function of this module failed because a file or folder does not exist. */
export function isNotFound(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound;
}

/** Tells whether a function of this module failed because there is a file or folder already. */
export function isAlreadyThere(error: unknown): boolean {
  return error instanceof Deno.errors.AlreadyExists;
}

/** Tells whether reading a path needs no question to the user. */
export function mayRead(path: string): boolean {
  return Deno.permissions.querySync({ name: "read", path }).state === "granted";
}

/** Tells whether writing to a path needs no question to the user. */
export function mayWrite(path: string): boolean {
  return Deno.permissions.querySync({ name: "write", path }).state === "granted";
}

/** Tells whether a function of this module failed because the user has not allowed it. */
export function isNotAllowed(error: unknown): boolean {
  return error instanceof Deno.errors.NotCapable;
}

/**
 * Checks that a path leads to a file or a folder. Opening a pipe waits for its other end, maybe for
 * ever and out of Ctrl-C's reach, and a device has no end.
 *
 * @throws {Error} when it leads to something else, or to nothing
 */
export function refuseSpecial(path: string | URL): void {
  const { isFile, isDirectory } = Deno.statSync(path);
  if (!isFile && !isDirectory) throw new Error("it is a pipe or a device, expected a file");
}

/** Checks a path as {@linkcode refuseSpecial} does, but that it may lead to nothing. */
export function refuseSpecialIfThere(path: string): void {
  try {
    refuseSpecial(path);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** Maximum number of bytes of a text: V8's texts have up to 2²⁹ - 24 characters. */
export const MAX_TEXT_BYTES = 2 ** 29 - 24;

/** Reads a whole file. @throws {Error} when it has more than `maxBytes` */
export async function readFile(
  path: string | URL,
  maxBytes: number = Infinity,
): Promise<Uint8Array<ArrayBuffer>> {
  refuseSpecial(path);
  refuseLarge(path, maxBytes);
  return await Deno.readFile(path);
}

/** Reads a whole text file. @throws {Error} when it has more than {@linkcode MAX_TEXT_BYTES} */
export async function readTextFile(path: string): Promise<string> {
  refuseSpecial(path);
  refuseLarge(path, MAX_TEXT_BYTES);
  return await Deno.readTextFile(path);
}

function refuseLarge(path: string | URL, maxBytes: number): void {
  const { size } = Deno.statSync(path);
  if (size <= maxBytes) return;
  const [found, most] = [Math.ceil(size / 2 ** 20), Math.floor(maxBytes / 2 ** 20)];
  throw new Error(`it has ${found} MiB, expected at most ${most}`);
}

/** Reads a file in chunks of up to 1 MiB. A chunk is good until the next one is read. */
export async function* readChunks(path: string): AsyncGenerator<Uint8Array> {
  refuseSpecial(path);
  using file = await Deno.open(path);
  const chunk = new Uint8Array(1 << 20);
  for (let count; (count = await file.read(chunk)) !== null;) yield chunk.subarray(0, count);
}

/** Writes a whole file, in place of one that exists. */
export function writeFile(path: string, bytes: Uint8Array): Promise<void> {
  return Deno.writeFile(path, bytes);
}

/** Opens a file for reading at any offset. */
export function openFile(path: string): ReadableFile {
  refuseSpecial(path);
  const file = Deno.openSync(path, { read: true });
  const { size, isDirectory } = file.statSync();
  if (isDirectory) {
    file.close();
    throw new Deno.errors.IsADirectory("it is a folder");
  }
  return {
    size,
    readAt(offset, into) {
      file.seekSync(offset, Deno.SeekMode.Start);
      return file.readSync(into) ?? 0;
    },
    close: () => file.close(),
  };
}

/** Creates a file, in place of one that exists, to append to it piece by piece. */
export function createFile(path: string): WritableFile {
  const file = Deno.openSync(path, { write: true, create: true, truncate: true });
  return {
    write(bytes) {
      for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    },
    close: () => file.close(),
  };
}

/** Opens a file to append to it, a new one where there is none. */
export function appendFile(path: string): AppendedFile {
  refuseSpecialIfThere(path);
  const file = Deno.openSync(path, { append: true, create: true });
  return {
    write(bytes) {
      for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    },
    sync: () => file.syncDataSync(),
    close: () => file.close(),
  };
}

/** Appends to a text file, a new one where there is none. */
export function appendText(path: string, text: string): void {
  Deno.writeTextFileSync(path, text, { append: true });
}

/** Writes a whole text file at once, in place of one that exists: where there is no time to wait. */
export function writeTextNow(path: string, text: string): void {
  Deno.writeTextFileSync(path, text);
}

/** Reads a whole text file at once. */
export function readTextNow(path: string): string {
  return Deno.readTextFileSync(path);
}

/** Cuts a file off behind its first bytes. */
export function truncateFile(path: string, byteLength: number): Promise<void> {
  return Deno.truncate(path, byteLength);
}

/** Copies a file, or a folder with all that is in it. */
export function copyTree(from: string, to: string): Promise<void> {
  return cp(from, to, { recursive: true });
}

/** Tells whether a path leads to a file or folder that can be seen. */
export function isThere(path: string): boolean {
  return existsSync(path);
}

/** Writes a file that must not exist yet, and waits until the disk has it. */
export async function writeNewFile(path: string, chunks: Iterable<Uint8Array>): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  for (const chunk of chunks) {
    for (let done = 0; done < chunk.length;) done += await file.write(chunk.subarray(done));
  }
  await file.sync();
}

/** Looks a file or folder up, links followed. */
export async function fileInfo(path: string): Promise<FileInfo> {
  const { isFile, isDirectory, size, mtime } = await Deno.stat(path);
  return { isFile, isFolder: isDirectory, size, modified: mtime?.getTime() ?? null };
}

/** Lists a folder, in no order. */
export async function listFolder(path: string): Promise<FolderEntry[]> {
  return await Array.fromAsync(
    Deno.readDir(path),
    ({ name, isDirectory }) => ({ name, isFolder: isDirectory }),
  );
}

/** Makes a folder, with those above it; one that exists stays. */
export function makeFolder(path: string): Promise<void> {
  return Deno.mkdir(path, { recursive: true });
}

/** Makes a folder that must not exist yet, in one that does. */
export function makeNewFolder(path: string): Promise<void> {
  return Deno.mkdir(path);
}

/** Removes a file or an empty folder. */
export function removeFile(path: string): Promise<void> {
  return Deno.remove(path);
}

/** Removes a folder with all that is in it. */
export function removeFolder(path: string): Promise<void> {
  return Deno.remove(path, { recursive: true });
}

/** Renames a file or folder; a file replaces one that exists. */
export function rename(from: string, to: string): Promise<void> {
  return Deno.rename(from, to);
}

/** Sets the time of a file's last use and change to now. */
export function touch(path: string): void {
  Deno.utimeSync(path, new Date(), new Date());
}

/** Waits until the disk has the names in a folder: without it, a rename may be lost. Windows has no such call. */
export async function syncFolder(path: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  using folder = await Deno.open(path);
  await folder.sync();
}

/** Tells whether a file or folder exists. @throws {UserError} when that cannot be told */
export async function fileExists(path: string): Promise<boolean> {
  try {
    await fileInfo(path);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw new UserError(`cannot read ${path}: ${ioReason(error)}`, { cause: error });
  }
}
