/** Files of a page or a worker: {@linkcode FileTree}, with the functions of lib/platform/files.ts. */
import type {
  AppendedFile,
  FileInfo,
  FolderEntry,
  ReadableFile,
  WritableFile,
} from "../interfaces.ts";
import { FileError } from "./file_error.ts";
import { files } from "./file_tree.ts";
import { dirname, join } from "./paths.ts";

export type { AppendedFile, FileInfo, FolderEntry, ReadableFile, WritableFile };

/** Tells whether a function of this module failed because a file or folder does not exist. */
export function isNotFound(error: unknown): boolean {
  return error instanceof FileError && error.code === "ENOENT";
}

/** Tells whether a function of this module failed because there is a file or folder already. */
export function isAlreadyThere(error: unknown): boolean {
  return error instanceof FileError && error.code === "EEXIST";
}

/** A page's own files are always allowed. */
export function isNotAllowed(_error: unknown): boolean {
  return false;
}

/** A page may read its own files. */
export function mayRead(_path: string): boolean {
  return true;
}

/** A page may write its own files. */
export function mayWrite(_path: string): boolean {
  return true;
}

/** Checks that a path leads to a file or a folder. @throws {FileError} when it leads to nothing */
export function refuseSpecial(path: string | URL): void {
  if (files.find(String(path)) === undefined) throw new FileError("ENOENT", String(path));
}

/** Does nothing: a page has no pipes and no devices. */
export function refuseSpecialIfThere(_path: string): void {}

/** Maximum number of bytes of a text: V8's texts have up to 2²⁹ - 24 characters. */
export const MAX_TEXT_BYTES = 2 ** 29 - 24;

/** Reads a whole file. @throws {Error} when it has more than `maxBytes` */
export async function readFile(
  path: string | URL,
  maxBytes: number = Infinity,
): Promise<Uint8Array<ArrayBuffer>> {
  const { contents } = files.file(String(path));
  refuseLarge(contents.size, maxBytes);
  return await contents.bytes();
}

/** Reads a whole text file. @throws {Error} when it has more than {@linkcode MAX_TEXT_BYTES} */
export async function readTextFile(path: string): Promise<string> {
  return decode(await readFile(path, MAX_TEXT_BYTES));
}

function refuseLarge(size: number, maxBytes: number): void {
  if (size <= maxBytes) return;
  const [found, most] = [Math.ceil(size / 2 ** 20), Math.floor(maxBytes / 2 ** 20)];
  throw new Error(`it has ${found} MiB, expected at most ${most}`);
}

function decode(bytes: Uint8Array<ArrayBuffer>): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** Reads a file in chunks of up to 1 MiB. A chunk is good until the next one is read. */
export async function* readChunks(path: string): AsyncGenerator<Uint8Array> {
  const { contents } = files.file(path);
  const stream = contents.blob().stream().getReader();
  for (let part; !(part = await stream.read()).done;) yield part.value;
}

/** Writes a whole file, in place of one that exists. */
export async function writeFile(path: string, bytes: Uint8Array): Promise<void> {
  await files.writeChunks(path, [bytes]);
}

/** Opens a file for reading at any offset. */
export function openFile(path: string): ReadableFile {
  const { contents } = files.file(path);
  return {
    size: contents.size,
    readAt: (offset, into) => contents.readAt(offset, into),
    close: () => {},
  };
}

/** Creates a file, in place of one that exists, to append to it piece by piece. */
export function createFile(path: string): WritableFile {
  files.write(path, new Uint8Array());
  return { write: (bytes) => files.append(path, bytes), close: () => {} };
}

/** Opens a file to append to it, a new one where there is none. */
export function appendFile(path: string): AppendedFile {
  files.append(path, new Uint8Array());
  return { write: (bytes) => files.append(path, bytes), sync: () => {}, close: () => {} };
}

/** Appends to a text file, a new one where there is none. */
export function appendText(path: string, text: string): void {
  files.append(path, new TextEncoder().encode(text));
}

/** Writes a whole text file at once, in place of one that exists. */
export function writeTextNow(path: string, text: string): void {
  files.write(path, new TextEncoder().encode(text));
}

/** Reads a whole text file at once. */
export function readTextNow(path: string): string {
  const { contents } = files.file(path);
  const bytes = new Uint8Array(contents.size);
  contents.readAt(0, bytes);
  return decode(bytes);
}

/** Cuts a file off behind its first bytes. */
export async function truncateFile(path: string, byteLength: number): Promise<void> {
  await Promise.resolve();
  files.truncate(path, byteLength);
}

/** Copies a file, or a folder with all that is in it. */
export async function copyTree(from: string, to: string): Promise<void> {
  const node = files.find(from);
  if (node !== null) return await writeFile(to, await readFile(from));
  files.makeFolder(to);
  for (const name of files.names(from)) await copyTree(join(from, name), join(to, name));
}

/** Tells whether a path leads to a file or folder. */
export function isThere(path: string): boolean {
  return files.find(path) !== undefined;
}

/** Writes a file that must not exist yet. */
export async function writeNewFile(path: string, chunks: Iterable<Uint8Array>): Promise<void> {
  if (files.find(path) !== undefined) throw new FileError("EEXIST", path);
  await files.writeChunks(path, chunks);
}

/** Looks a file or folder up. */
export async function fileInfo(path: string): Promise<FileInfo> {
  await Promise.resolve();
  const node = files.find(path);
  if (node === undefined) throw new FileError("ENOENT", path);
  const { size, modified } = node
    ? { size: node.contents.size, modified: node.modified }
    : { size: 0, modified: null };
  return { isFile: node !== null, isFolder: node === null, size, modified };
}

/** Lists a folder, in no order. */
export async function listFolder(path: string): Promise<FolderEntry[]> {
  await Promise.resolve();
  return files.names(path).map((name) => ({
    name,
    isFolder: files.find(join(path, name)) === null,
  }));
}

/** Makes a folder, with those above it; one that exists stays. */
export async function makeFolder(path: string): Promise<void> {
  await Promise.resolve();
  files.makeFolder(path);
}

/** Makes a folder that must not exist yet, in one that does. */
export async function makeNewFolder(path: string): Promise<void> {
  await Promise.resolve();
  if (files.find(path) !== undefined) throw new FileError("EEXIST", path);
  if (files.find(dirname(path)) === undefined) throw new FileError("ENOENT", dirname(path));
  files.makeFolder(path);
}

/** Removes a file or an empty folder. */
export async function removeFile(path: string): Promise<void> {
  await Promise.resolve();
  if (files.find(path) === null && files.names(path).length > 0) {
    throw new FileError("ENOTEMPTY", path);
  }
  files.remove(path);
}

/** Removes a folder with all that is in it. */
export async function removeFolder(path: string): Promise<void> {
  await Promise.resolve();
  files.remove(path);
}

/** Renames a file or folder; a file replaces one that exists. */
export async function rename(from: string, to: string): Promise<void> {
  await Promise.resolve();
  files.move(from, to);
}

/** Sets the time of a file's last use and change to now. */
export function touch(path: string): void {
  files.put(path, files.file(path).contents);
}

/** Does nothing: a change is kept when it is made. */
export async function syncFolder(_path: string): Promise<void> {}

/** Tells whether a file or folder exists. */
export async function fileExists(path: string): Promise<boolean> {
  return await Promise.resolve(isThere(path));
}
