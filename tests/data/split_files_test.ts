import assert from "node:assert/strict";
import { join } from "node:path";
import { findSplitFiles } from "../../lib/data/split_files.ts";
import { withTempDir } from "../temp_dir.ts";

Deno.test("a file is the train split; a folder's files are found by name", async () => {
  await withTempDir(async (dir) => {
    for (const name of ["test.jsonl", "dev.jsonl", "notes.csv", "train.csv", "test.txt"]) {
      Deno.writeTextFileSync(join(dir, name), "");
    }
    assert.deepEqual([...await findSplitFiles(join(dir, "notes.csv"))], [
      ["train", join(dir, "notes.csv")],
    ]);
    assert.deepEqual([...await findSplitFiles(dir)], [
      ["train", join(dir, "train.csv")],
      ["validation", join(dir, "dev.jsonl")],
      ["test", join(dir, "test.jsonl")],
    ]);
  });
});
