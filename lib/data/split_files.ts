import { UserError } from "../errors.ts";
import { isTable, TABLE_EXTENSIONS } from "../formats/table_extensions.ts";
import { fileInfo, listFolder } from "../platform/files.ts";
import { ioReason } from "../platform/io_error.ts";
import { basename, dirname, join } from "../platform/paths.ts";

/** Names of the splits, in the order in which they are listed. */
const SPLIT_NAMES: Readonly<Record<string, readonly string[]>> = {
  train: ["train", "training"],
  validation: ["validation", "valid", "val", "dev"],
  test: ["test", "testing", "eval", "evaluation"],
};

/** Maximum depth of folders that are searched: `data/train/0000.parquet`. */
const MAX_DEPTH = 2;

/**
 * Number of a part of a table: `train-00000-of-00002.parquet`, `0001.parquet`. Hugging Face's
 * datasets before 2.15 appended a hash, another for each part:
 * `train-00000-of-00002-ab12cd34ef56ab78.parquet`.
 */
const PART = /(?<number>\d{4,})(-of-(?<count>\d{4,})(-[0-9a-f]+)?)?(?=\.\w+$)/i;

/**
 * Finds the files of a dataset's splits by their names, as Hugging Face's datasets does: the name
 * of a split is a word of a file's name (`train.csv`, `dialogsum.dev.jsonl`,
 * `data/train-00000-of-00002.parquet`) or else of its folder (`train/0000.parquet`).
 *
 * @param path a file, which is the train split whatever its name; or a folder.
 * @returns paths by split: one, or the numbered parts of a table in order.
 * @throws UserError when there is none, a split has two tables, or a part is missing.
 */
export async function findSplitFiles(path: string): Promise<Map<string, string[]>> {
  let names: string[];
  try {
    if ((await fileInfo(path)).isFile) return new Map([["train", [path]]]);
    names = (await listFiles(path, "", MAX_DEPTH)).sort();
  } catch (error) {
    throw new UserError(`cannot read the dataset ${path}: ${ioReason(error)}`, { cause: error });
  }
  const tables = names.filter((name) => isTable(basename(name)));
  const files = new Map<string, string[]>();
  for (const split of Object.keys(SPLIT_NAMES)) {
    const parts = tables.filter((name) => splitOf(name) === split);
    if (parts.length === 0) continue;
    checkParts(path, split, parts);
    files.set(split, parts.map((name) => join(path, name)));
  }
  if (files.size > 0) return files;
  throw new UserError(
    `${path} has no train, validation or test file (${TABLE_EXTENSIONS.join(", ")}), only ${
      names.slice(0, 8).join(", ") || "nothing"
    }`,
  );
}

/** Lists the files of a folder and the folders in it, relative to it, hidden ones left out. */
async function listFiles(root: string, folder: string, depth: number): Promise<string[]> {
  const found: string[] = [];
  for (const { name, isFolder } of await listFolder(join(root, folder))) {
    if (name.startsWith(".")) continue;
    const path = join(folder, name);
    if (!isFolder) found.push(path);
    else if (depth > 0) found.push(...await listFiles(root, path, depth - 1));
  }
  return found;
}

/** Finds the split of a file by its name, else by that of the nearest folder; null for none. */
function splitOf(path: string): string | null {
  const words = basename(path).toLowerCase().split(/[^a-z]+/);
  for (const [split, names] of Object.entries(SPLIT_NAMES)) {
    if (words.some((word) => names.includes(word))) return split;
  }
  const folder = dirname(path);
  return folder === "." ? null : splitOf(folder);
}

/** Checks that several files of a split are all the numbered parts of one table. */
function checkParts(folder: string, split: string, names: readonly string[]): void {
  const tables = new Set(names.map((name) => name.replace(PART, "")));
  if (tables.size > 1) {
    throw new UserError(`${folder} has several ${split} files: ${names.join(", ")}; keep one`);
  }
  const parts = names.map((name) => PART.exec(name)?.groups ?? {});
  const numbers = new Set(parts.map(({ number }) => number));
  const counts = new Set(parts.map(({ count }) => count));
  if (numbers.size < names.length || counts.size > 1) {
    throw new UserError(
      `${folder} has parts of several tables for its ${split} split: ${
        names.join(", ")
      }; keep those of one`,
    );
  }
  const [count] = counts;
  if (count !== undefined && Number(count) !== names.length) {
    throw new UserError(
      `${folder} has ${names.length} of the ${Number(count)} parts of its ${split} split: ${
        names.join(", ")
      }`,
    );
  }
}
