import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as node from "node:zlib";
import { crc32, Sha1, Sha256 } from "../../../lib/platform/browser/hash.ts";

Deno.test("hashes in a page are those of the standards, however the data arrives", () => {
  for (const length of [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 1000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => i * 7 + 3);
    for (const [name, hash] of [["sha1", new Sha1()], ["sha256", new Sha256()]] as const) {
      for (let at = 0; at < length; at += 37) hash.update(bytes.subarray(at, at + 37));
      assert.equal(hash.hex(), createHash(name).update(bytes).digest("hex"), `${name}, ${length}`);
    }
    assert.equal(crc32(bytes), node.crc32(bytes));
    assert.equal(crc32(bytes, 5), node.crc32(bytes, 5));
  }
  assert.equal(
    new Sha256().update("müde").hex(),
    createHash("sha256").update("müde").digest("hex"),
  );
});
