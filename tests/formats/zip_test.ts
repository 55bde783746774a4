import assert from "node:assert/strict";
import { join } from "node:path";
import { DiskFile } from "../../lib/formats/random_access_file.ts";
import { readZipDirectory } from "../../lib/formats/zip.ts";
import { zipChunks } from "../../lib/formats/zip_writer.ts";
import { withTempDir } from "../temp_dir.ts";

/** a.txt "hello" and b/c.txt "world", this with its sizes and offset in a zip64 field; Python reads it. */
const ZIP64 =
  "504b03042d00000000000000210086a61036050000000500000005000000612e74787468656c6c6f504b0304" +
  "2d0000000000000021004311773a050000000500000007000000622f632e747874776f726c64504b01022d00" +
  "2d00000000000000210086a610360500000005000000050000000000000000000000000000000000612e7478" +
  "74504b01022d002d0000000000000021004311773affffffffffffffff07001c0000000000000000000000ff" +
  "ffffff622f632e74787401001800050000000000000005000000000000002800000000000000504b05060000" +
  "00000200020084000000520000000000";

async function withFile(
  bytes: Uint8Array,
  body: (file: DiskFile) => void,
): Promise<void> {
  await withTempDir((dir) => {
    const path = join(dir, "archive.zip");
    Deno.writeFileSync(path, bytes);
    using file = DiskFile.open(path);
    body(file);
  });
}

/** All entries' bytes as text. */
function texts(file: DiskFile): Record<string, string> {
  return Object.fromEntries(
    readZipDirectory(file).entries().map(([name, { byteOffset, byteLength }]) => [
      name,
      new TextDecoder().decode(file.read(byteOffset, byteLength)),
    ]),
  );
}

const entry = (name: string, text: string) => ({
  name,
  byteLength: text.length,
  chunks: () => [new TextEncoder().encode(text)],
});
const written = Buffer.concat([...zipChunks("path", [entry("a.txt", "hello"), entry("b", "")])]);

Deno.test("an entry with zip64 sizes is read", () =>
  withFile(Buffer.from(ZIP64, "hex"), (file) => {
    assert.deepEqual(texts(file), { "a.txt": "hello", "b/c.txt": "world" });
  }));

Deno.test("our own zip is read; every entry's bytes are aligned to 64", () =>
  withFile(written, (file) => {
    assert.deepEqual(texts(file), { "a.txt": "hello", "b": "" });
    for (const { byteOffset } of readZipDirectory(file).values()) assert.equal(byteOffset % 64, 0);
  }));

const central = written.indexOf("PK\x01\x02", 0, "latin1");
const CHANGES: [string, number, number, RegExp][] = [
  ["a compressed entry", central + 10, 8, /entry "a\.txt" is compressed \(method 8\), expected/],
  ["an encrypted entry", central + 8, 9, /entry "a\.txt" is encrypted/],
  ["a size that lies", central + 24, 6, /entry "a\.txt" has two sizes/],
  ["an entry elsewhere", central + 42, 1, /entry "a\.txt" is not where its directory says/],
  ["an entry beyond the end", central + 44, 1, /is truncated/],
  ["a broken directory", central, 0, /its directory ends within an entry/],
  ["a long name", central + 29, 9, /its directory is cut/],
  ["no end", written.length - 22, 0, /the directory at its end is missing/],
];
for (const [what, at, value, message] of CHANGES) {
  Deno.test(`refused: ${what}`, () => {
    const bytes = Uint8Array.from(written);
    bytes[at] = value;
    return withFile(bytes, (file) => {
      assert.throws(() => readZipDirectory(file), { name: "UserError", message });
    });
  });
}

Deno.test("refused: two entries of one name, more than 4 GiB", async () => {
  const twice = [...zipChunks("path", [entry("a", "1"), entry("a", "2")])];
  await withFile(Buffer.concat(twice), (file) => {
    assert.throws(() => readZipDirectory(file), { message: /it has two entries "a"/ });
  });
  const huge = { name: "a", byteLength: 2 ** 32, chunks: () => [] };
  assert.throws(() => [...zipChunks("path", [huge])], { message: /cannot write path: .* 4 GiB/ });
});
