import assert from "node:assert/strict";
import { join } from "node:path";
import { DiskFile, MemoryFile } from "../../lib/formats/random_access_file.ts";
import { withTempDir } from "../temp_dir.ts";

Deno.test("bytes are read at any place; beyond the end nothing is allocated", async () => {
  await withTempDir((dir) => {
    const path = join(dir, "file");
    Deno.writeFileSync(path, Uint8Array.of(1, 2, 3, 4));
    using file = DiskFile.open(path);
    assert.deepEqual([...file.read(2, 2)], [3, 4]);
    assert.deepEqual([...file.read(0, 3)], [1, 2, 3]);
    assert.deepEqual([...file.read(4, 0)], []);
    const message = /file is truncated: it ends at byte 4 where more is expected/;
    assert.throws(() => file.read(3, 2), { name: "UserError", message });
    assert.throws(() => file.read(0, 2 ** 52), { name: "UserError", message });
    Deno.truncateSync(path, 3);
    assert.throws(() => file.read(2, 2), { message: /it ends at byte 3/ });
  });
});

Deno.test("a missing file and a folder are named", async () => {
  await withTempDir((dir) => {
    const open = (path: string) => () => DiskFile.open(path);
    assert.throws(open(join(dir, "none")), { message: /cannot read .*none: it does not exist/ });
    assert.throws(open(dir), { name: "UserError", message: /cannot read .*: it is a folder/ });
  });
});

Deno.test("bytes in memory are read as those of a file are", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4);
  const file = new MemoryFile("weights", bytes);
  assert.equal(file.size, 4);
  const read = file.read(2, 2);
  assert.deepEqual([...read], [3, 4]);
  read.fill(0);
  assert.deepEqual([...bytes], [1, 2, 3, 4], "a reader owns what it read");
  assert.throws(() => file.read(3, 2), { message: /^weights is truncated: it ends at byte 4/ });
});
