/** Files that a worker of a page has in memory, under absolute paths, and folders of the browser. */
import { zipChunks } from "../formats/zip_writer.ts";
import { BlobContents, type Contents, MemoryContents } from "../platform/browser/contents.ts";
import { files } from "../platform/browser/file_tree.ts";
import { dirname, join } from "../platform/browser/paths.ts";
import { isTemporary } from "../platform/temporary_name.ts";
import type { FileBody, FolderBody, FolderFile } from "./protocol.ts";

/**
 * Puts a file or a folder into the files of this worker, in place of what is there. Blobs are read
 * when they are needed.
 *
 * @param path absolute path, by which settings and functions name it: `/models/mine`
 */
export function putFiles(path: string, body: FileBody | FolderBody): void {
  if (!Array.isArray(body)) {
    files.makeFolder(dirname(path));
    files.put(path, contentsOf(body as FileBody));
    return;
  }
  if (files.find(path) !== undefined) files.remove(path);
  files.makeFolder(path);
  for (const [name, file] of body as FolderBody) putFiles(join(path, name), file);
}

/**
 * Files of a folder of this worker by their paths in it, such as those of an adapter that
 * `saveAdapter` wrote. Empty where there is no such folder.
 */
export function folderFiles(path: string): FolderFile[] {
  return wholeFiles(path).map(([name, contents]) => ({ path: name, body: contents.blob() }));
}

/** Packs a folder of this worker into a zip file, in which it has its name. */
export function zipFolder(path: string): Blob {
  const name = path.split("/").at(-1)!;
  const entries = wholeFiles(path).map(([inside, contents]) => ({
    name: `${name}/${inside}`,
    byteLength: contents.size,
    *chunks() {
      const chunk = new Uint8Array(1 << 20);
      for (let offset = 0, count; (count = contents.readAt(offset, chunk)) > 0; offset += count) {
        yield chunk.slice(0, count);
      }
    },
  }));
  const parts = [...zipChunks(`${name}.zip`, entries)] as Uint8Array<ArrayBuffer>[];
  return new Blob(parts, { type: "application/zip" });
}

/**
 * Writes files into a folder of the browser: one of the origin private file system
 * (`navigator.storage.getDirectory()`), or one that the user picked (`showDirectoryPicker`). Files of
 * the same names are replaced, others stay.
 *
 * @throws {DOMException} when the browser refuses: no more room, no permission
 */
export async function writeDirectory(
  directory: FileSystemDirectoryHandle,
  folder: readonly FolderFile[],
): Promise<void> {
  for (const { path, body } of folder) {
    const [name, ...above] = path.split("/").reverse();
    let inside = directory;
    for (const part of above.reverse()) {
      inside = await inside.getDirectoryHandle(part, { create: true });
    }
    const file = await inside.getFileHandle(name, { create: true });
    const stream = await file.createWritable();
    await stream.write(body);
    // The file has its new content from here on.
    await stream.close();
  }
}

/**
 * Reads a folder of the browser, with those below it, as {@linkcode putFiles} and `TemperWorker.put`
 * take them. The contents are read when they are needed.
 *
 * @throws {DOMException} when the browser refuses
 */
export async function readDirectory(directory: FileSystemDirectoryHandle): Promise<FolderBody> {
  const found: [path: string, body: Blob][] = [];
  const below = async (folder: FileSystemDirectoryHandle, prefix: string): Promise<void> => {
    for await (const [name, handle] of entriesOf(folder)) {
      if (handle.kind === "file") {
        found.push([prefix + name, await (handle as FileSystemFileHandle).getFile()]);
      } else await below(handle as FileSystemDirectoryHandle, `${prefix}${name}/`);
    }
  };
  await below(directory, "");
  return found;
}

/** Entries of a folder, which TypeScript's library leaves out. */
function entriesOf(folder: FileSystemDirectoryHandle) {
  return (folder as unknown as { entries(): AsyncIterable<[string, FileSystemHandle]> }).entries();
}

function contentsOf(body: FileBody): Contents {
  return body instanceof Blob ? new BlobContents(body) : new MemoryContents(body);
}

/** Files of a folder by their paths in it, without those that are being written, and locks. */
function wholeFiles(folder: string): [path: string, contents: Contents][] {
  return files.filesBelow(folder).flatMap(({ path, contents }): [string, Contents][] => {
    const inside = path.slice(folder.length + 1);
    const isHidden = inside.split("/").some((name) => name === ".lock" || isTemporary(name));
    return isHidden ? [] : [[inside, contents]];
  });
}
