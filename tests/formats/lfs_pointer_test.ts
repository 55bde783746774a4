import assert from "node:assert/strict";
import { join } from "node:path";
import { readTable } from "../../lib/data/table.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { Checkpoint } from "../../lib/formats/checkpoint.ts";
import { refusePointer } from "../../lib/formats/lfs_pointer.ts";
import { MemoryFiles } from "../../lib/formats/model_files.ts";
import { readPeftAdapter } from "../../lib/formats/peft.ts";
import { goldenDir } from "../golden/cases.ts";
import { withTempDir } from "../temp_dir.ts";

const POINTER = "version https://git-lfs.github.com/spec/v1\n" +
  `oid sha256:${"a".repeat(64)}\nsize 11350000\n`;
const REFUSED = { name: "UserError", message: /is a Git LFS pointer, .* "git lfs pull"/ };

Deno.test("refusePointer: knows both specifications, and nothing else", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  assert.throws(() => refusePointer("dir/x.bin", bytes(POINTER)), {
    name: "UserError",
    message: 'dir/x.bin is a Git LFS pointer, not the file itself: run "git lfs pull" in its ' +
      "repository, or download it again",
  });
  assert.throws(
    () => refusePointer("x", bytes("version https://hawser.github.com/spec/v1\noid")),
    REFUSED,
  );
  for (const text of ["", "version", "version https://example.com", "{}"]) {
    refusePointer("x", bytes(text));
  }
});

for (const name of ["model.safetensors", "pytorch_model.bin"]) {
  Deno.test(`a Git LFS pointer is called that: ${name}`, () =>
    withTempDir(async (dir) => {
      Deno.writeTextFileSync(join(dir, name), POINTER);
      await assert.rejects(Checkpoint.open(dir), REFUSED);
      const files = new MemoryFiles([[name, new TextEncoder().encode(POINTER)]]);
      await assert.rejects(Checkpoint.open(files), REFUSED);
    }));
}

for (const name of ["tokenizer.json", "spiece.model", "vocab.json"]) {
  Deno.test(`a Git LFS pointer is called that: ${name}`, () =>
    withTempDir(async (dir) => {
      Deno.writeTextFileSync(join(dir, name), POINTER);
      Deno.writeTextFileSync(join(dir, "merges.txt"), "#version: 0.2\n");
      await assert.rejects(Tokenizer.load(dir), REFUSED);
    }));
}

for (const name of ["train.csv", "train.jsonl", "train.parquet"]) {
  Deno.test(`a Git LFS pointer is called that: ${name}`, () =>
    withTempDir(async (dir) => {
      Deno.writeTextFileSync(join(dir, name), POINTER);
      await assert.rejects(readTable(join(dir, name)), REFUSED);
    }));
}

for (const name of ["adapter_model.safetensors", "adapter_model.bin"]) {
  Deno.test(`a Git LFS pointer is called that: ${name}`, () =>
    withTempDir(async (dir) => {
      Deno.copyFileSync(
        join(goldenDir, "adapter", "adapter_config.json"),
        join(dir, "adapter_config.json"),
      );
      Deno.writeTextFileSync(join(dir, name), POINTER);
      await assert.rejects(readPeftAdapter(dir), REFUSED);
    }));
}
