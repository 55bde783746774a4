import type { FolderBody } from "../../../lib/browser/protocol.ts";

/** Files that the user picked or dropped. */
export interface Picked {
  /** Name of the folder, or of the only file. */
  readonly name: string;
  /** Files by their paths in the folder. */
  readonly files: FolderBody;
}

/** Role of picked files in a run: the folder in their paths. */
export type PickedKind = "models" | "data" | "classifiers";

/** Bytes that WebAssembly can address: a model on the CPU, and its training, have to fit. */
const WASM_BYTES = 4 * 2 ** 30;

/** Files of a list that an input has: of a folder, or a single one. */
export function pickedIn(list: FileList): Picked | null {
  const files = Array.from(list);
  return gather(files.map((file) => [file.webkitRelativePath || file.name, file]));
}

/** Files that were dropped: a folder with all that is in it, or files. */
export async function pickedFrom(transfer: DataTransfer): Promise<Picked | null> {
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry())
    .filter((entry) => entry !== null);
  return gather((await Promise.all(entries.map(filesBelow))).flat());
}

/** Files with their paths, without the folder that all have in common. */
function gather(files: readonly (readonly [path: string, file: File])[]): Picked | null {
  if (files.length === 0) return null;
  const [top] = files[0][0].split("/");
  const isFolder = files.every(([path]) => path.startsWith(`${top}/`));
  const body = files.map(([path, file]) =>
    [isFolder ? path.slice(top.length + 1) : path, file] as const
  );
  return { name: isFolder || files.length === 1 ? top : "files", files: body };
}

async function filesBelow(entry: FileSystemEntry): Promise<[path: string, file: File][]> {
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject)
    );
    return [[path, file]];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: [string, File][] = [];
  // A reader hands out its entries in parts, the last of which is empty.
  while (true) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject)
    );
    if (part.length === 0) return found;
    for (const inner of part) found.push(...await filesBelow(inner));
  }
}

/** Says why a folder is no model that can be trained here; null where nothing speaks against it. */
export function modelObstacle({ name, files }: Picked): string | null {
  const names = files.map(([path]) => path);
  if (!names.includes("config.json")) {
    return `${name} has no config.json: pick the folder of a model, as Hugging Face's libraries ` +
      "save it";
  }
  const weights = files.filter(([path]) => /\.(safetensors|bin)$/.test(path));
  if (weights.length === 0) return `${name} has no weights: model.safetensors is missing`;
  const bytes = weights.reduce((sum, [, body]) => sum + sizeOf(body), 0);
  if (bytes < WASM_BYTES) return null;
  return `${name} has ${(bytes / 2 ** 30).toFixed(1)} GiB of weights, more than the 4 GiB that a ` +
    "page can use: pick a smaller model, or train it with Temper's command line";
}

function sizeOf(body: Blob | Uint8Array): number {
  return body instanceof Blob ? body.size : body.byteLength;
}

/**
 * Path by which settings name what was picked. It is relative: the same settings work on a disk, where
 * the files are in folders of these names.
 */
export function pathOf(kind: PickedKind, { name }: Picked): string {
  return `./${kind}/${name.replace(/[^\w.-]+/g, "-")}`;
}
