import { extname, join } from "node:path";
import { UserError } from "../errors.ts";
import { ioReason } from "../formats/io_error.ts";
import { TABLE_EXTENSIONS } from "./table.ts";

/** File names (without extension) of the splits, in the order in which splits are listed. */
const SPLIT_NAMES: Readonly<Record<string, readonly string[]>> = {
  train: ["train"],
  validation: ["validation", "dev", "val", "valid"],
  test: ["test"],
};

/**
 * Finds the files of a dataset's splits.
 *
 * @param path a file, which is the train split whatever its name; or a folder with a file for each split.
 * @returns paths by split.
 * @throws UserError when there is none, or a split has two files.
 */
export async function findSplitFiles(path: string): Promise<Map<string, string>> {
  let names: string[];
  try {
    if ((await Deno.stat(path)).isFile) return new Map([["train", path]]);
    names = (await Array.fromAsync(Deno.readDir(path), ({ name }) => name)).sort();
  } catch (error) {
    throw new UserError(`Cannot read the dataset ${path}: ${ioReason(error)}.`, { cause: error });
  }
  const files = new Map<string, string>();
  for (const [split, stems] of Object.entries(SPLIT_NAMES)) {
    const matches = names.filter((name) => {
      const extension = extname(name);
      return TABLE_EXTENSIONS.includes(extension) &&
        stems.includes(name.slice(0, -extension.length));
    });
    if (matches.length > 1) {
      throw new UserError(`${path} has several ${split} files: ${matches.join(", ")}. Keep one.`);
    }
    if (matches.length === 1) files.set(split, join(path, matches[0]));
  }
  if (files.size > 0) return files;
  throw new UserError(
    `${path} has no train, validation or test file (${TABLE_EXTENSIONS.join(" or ")}), only ${
      names.slice(0, 8).join(", ") || "nothing"
    }.`,
  );
}
