import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../lib/errors.ts";
import { writeFileAtomic } from "../../lib/platform/atomic_write.ts";
import { ioReason } from "../../lib/platform/io_error.ts";
import { withTempDir } from "../temp_dir.ts";

const names = (dir: string) => [...Deno.readDirSync(dir)].map((entry) => entry.name).sort();

Deno.test("text, bytes and chunks are written, over what was there", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "file");
    await writeFileAtomic(path, "über");
    assert.equal(Deno.readTextFileSync(path), "über");
    await writeFileAtomic(path, Uint8Array.of(1, 2));
    assert.deepEqual(Deno.readFileSync(path), Uint8Array.of(1, 2));
    await writeFileAtomic(path, [Uint8Array.of(3), new Uint8Array(), Uint8Array.of(4, 5)]);
    assert.deepEqual(Deno.readFileSync(path), Uint8Array.of(3, 4, 5));
    assert.deepEqual(names(dir), ["file"]);
  });
});

Deno.test("a failure half-way leaves the old file and nothing else", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "file");
    await writeFileAtomic(path, "old");
    function* chunks(): Iterable<Uint8Array> {
      yield new Uint8Array(100);
      throw Object.assign(new Error("write failed"), { code: "ENOSPC" });
    }
    await assert.rejects(writeFileAtomic(path, chunks()), {
      name: "UserError",
      message: `cannot write ${path}: the disk is full`,
    });
    assert.equal(Deno.readTextFileSync(path), "old");
    assert.deepEqual(names(dir), ["file"]);
  });
});

Deno.test("a folder that is missing, a file in its place, a folder at the path", async () => {
  await withTempDir(async (dir) => {
    await assert.rejects(
      writeFileAtomic(join(dir, "none", "file"), "text"),
      /none.file: the folder .*none does not exist$/,
    );
    Deno.writeTextFileSync(join(dir, "plain"), "");
    await assert.rejects(
      writeFileAtomic(join(dir, "plain", "file"), "text"),
      /cannot write .*: a part of the path is a file/,
    );
    Deno.mkdirSync(join(dir, "folder"));
    await assert.rejects(writeFileAtomic(join(dir, "folder"), "text"), UserError);
    assert.deepEqual(names(dir), ["folder", "plain"]);
  });
});

Deno.test("ioReason: codes in words, else the error's own message", () => {
  assert.equal(ioReason(Object.assign(new Error("x"), { code: "EACCES" })), "permission denied");
  assert.equal(ioReason(new Error("odd")), "odd");
  assert.equal(ioReason("odd"), "odd");
});
