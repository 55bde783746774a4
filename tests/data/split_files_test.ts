import assert from "node:assert/strict";
import { dirname, join, relative } from "node:path";
import { findSplitFiles } from "../../lib/data/split_files.ts";
import { withTempDir } from "../temp_dir.ts";

Deno.test("a file is the train split; a folder's files are found by name", async () => {
  await withTempDir(async (dir) => {
    for (const name of ["test.jsonl", "dev.jsonl", "notes.csv", "train.csv", "test.txt"]) {
      Deno.writeTextFileSync(join(dir, name), "");
    }
    assert.deepEqual([...await findSplitFiles(join(dir, "notes.csv"))], [
      ["train", [join(dir, "notes.csv")]],
    ]);
    assert.deepEqual([...await findSplitFiles(dir)], [
      ["train", [join(dir, "train.csv")]],
      ["validation", [join(dir, "dev.jsonl")]],
      ["test", [join(dir, "test.jsonl")]],
    ]);
  });
});

/** Splits of a folder with these files: paths relative to it. */
async function splitsOf(...names: string[]): Promise<Record<string, string[]>> {
  const splits: Record<string, string[]> = {};
  await withTempDir(async (dir) => {
    for (const name of names) {
      Deno.mkdirSync(dirname(join(dir, name)), { recursive: true });
      Deno.writeTextFileSync(join(dir, name), "");
    }
    for (const [split, paths] of await findSplitFiles(dir)) {
      splits[split] = paths.map((path) => relative(dir, path));
    }
  });
  return splits;
}

Deno.test("parts with a hash in their names, as datasets before 2.15 pushed them", async () => {
  const parts = [
    "data/train-00000-of-00002-1f2e3d4c5b6a7980.parquet",
    "data/train-00001-of-00002-abcdef0123456789.parquet",
  ];
  assert.deepEqual(await splitsOf(...parts), { train: parts });
  const csv = parts.map((name) => name.replace(".parquet", ".csv"));
  assert.deepEqual(await splitsOf(...csv), { train: csv });
  await assert.rejects(splitsOf(parts[1]), {
    name: "UserError",
    message: /has 1 of the 2 parts of its train split: data\/train-00001/,
  });
  const again = "data/train-00000-of-00002-0000000000000000.parquet";
  await assert.rejects(splitsOf(...parts, again), {
    name: "UserError",
    message: /has parts of several tables for its train split: .*; keep those of one/,
  });
  await assert.rejects(splitsOf(parts[0], again), { name: "UserError", message: /several tables/ });
  await assert.rejects(splitsOf(...parts, "data/train-00000-of-00001-ab.parquet"), {
    name: "UserError",
    message: /several tables/,
  });
});

Deno.test("names as on the Hub: numbered parts, folders, prefixes", async () => {
  assert.deepEqual(
    await splitsOf(
      "README.md",
      "data/train-00001-of-00002.parquet",
      "data/train-00000-of-00002.parquet",
      "data/test-00000-of-00001-ab12.parquet",
    ),
    {
      train: ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"],
      test: ["data/test-00000-of-00001-ab12.parquet"],
    },
  );
  assert.deepEqual(
    await splitsOf("default/train/0000.parquet", "default/train/0001.parquet"),
    { train: ["default/train/0000.parquet", "default/train/0001.parquet"] },
  );
  assert.deepEqual(
    await splitsOf("dialogsum.train.jsonl", "dialogsum.dev.jsonl", "constraints.csv"),
    { train: ["dialogsum.train.jsonl"], validation: ["dialogsum.dev.jsonl"] },
  );
  // The file's own name counts before its folder's.
  assert.deepEqual(await splitsOf("train/test.csv"), { test: ["train/test.csv"] });
});

Deno.test("two tables for a split, a missing part, no split: one clear line each", async () => {
  const refused = (names: string[], message: RegExp) =>
    assert.rejects(splitsOf(...names), { name: "UserError", message });
  await refused(["train.csv", "train.jsonl"], /several train files: train\.csv, train\.jsonl/);
  await refused(["train.csv", "data/train.csv"], /several train files/);
  await refused(["train-00000-of-00003.parquet"], /has 1 of the 3 parts of its train split/);
  await refused(["trainer.csv"], /no train, validation or test file .*only trainer\.csv/);
  await refused(["a/b/c/train.csv"], /only nothing/);
});
