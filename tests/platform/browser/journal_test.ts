import assert from "node:assert/strict";
import { FileTree } from "../../../lib/platform/browser/file_tree.ts";
import { Journal } from "../../../lib/platform/browser/journal.ts";
import type { StorageFile, StorageFolder } from "../../../lib/platform/browser/storage.ts";

/** A browser's storage in memory: its files, and the bytes that a file may have before it is full. */
class MemoryStorage {
  readonly contents = new Map<string, Uint8Array<ArrayBuffer>>();
  room = Infinity;

  file(name: string): Promise<StorageFile> {
    const { contents } = this;
    const bytes = () => contents.get(name) ?? new Uint8Array();
    const set = (value: Uint8Array<ArrayBuffer>) => void contents.set(name, value);
    set(bytes());
    const file = {
      get size() {
        return bytes().length;
      },
      readAt(offset: number, into: Uint8Array) {
        const part = bytes().subarray(offset, offset + into.length);
        into.set(part);
        return part.length;
      },
      append: (more: Uint8Array) => {
        if (bytes().length + more.length > this.room) throw new Error("full");
        const joined = new Uint8Array(bytes().length + more.length);
        joined.set(bytes());
        joined.set(more, bytes().length);
        set(joined);
      },
      truncate: (length: number) => set(bytes().slice(0, length)),
      flush() {},
      [Symbol.dispose]() {},
    };
    return Promise.resolve(file as unknown as StorageFile);
  }

  blob(name: string): Promise<Blob | null> {
    const bytes = this.contents.get(name);
    return Promise.resolve(bytes ? new Blob([bytes]) : null);
  }

  names(): Promise<string[]> {
    return Promise.resolve([...this.contents.keys()]);
  }

  remove(name: string): Promise<void> {
    this.contents.delete(name);
    return Promise.resolve();
  }
}

async function open(storage: MemoryStorage): Promise<{ tree: FileTree; journal: Journal }> {
  const tree = new FileTree();
  const journal = await Journal.open(tree, "/run", storage as unknown as StorageFolder);
  return { tree, journal };
}

/** Files of the folder by their paths, with their texts, large ones by their sizes. */
async function textsOf(tree: FileTree): Promise<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const { path, contents } of tree.filesBelow("/run")) {
    const text = new TextDecoder().decode(await contents.bytes());
    texts[path.slice("/run/".length)] = text.length > 1000 ? `${text.length} characters` : text;
  }
  return texts;
}

const encode = (text: string) => new TextEncoder().encode(text);

/** Changes a folder as a run does. */
async function change(tree: FileTree): Promise<void> {
  tree.write("/run/config.json", encode("{}"));
  tree.append("/run/rows", encode("1\n"));
  tree.append("/run/rows", encode("2\n3"));
  tree.truncate("/run/rows", 4);
  tree.makeFolder("/run/.new/deep");
  await tree.writeChunks("/run/.new/deep/weights", [new Uint8Array(100_000).fill(65)]);
  await tree.writeChunks("/run/.new/small", [encode("a"), encode("b")]);
  tree.move("/run/.new", "/run/checkpoint-1");
  tree.makeFolder("/run/old");
  await tree.writeChunks("/run/old/weights", [new Uint8Array(100_000)]);
  tree.remove("/run/old");
}

const CHANGED = {
  "config.json": "{}",
  "rows": "1\n2\n",
  "checkpoint-1/deep/weights": "100000 characters",
  "checkpoint-1/small": "ab",
};

Deno.test("a folder that is opened again has the files that it had", async () => {
  const storage = new MemoryStorage();
  const first = await open(storage);
  await change(first.tree);
  assert.deepEqual(await textsOf(first.tree), CHANGED);
  first.journal[Symbol.dispose]();
  // From now on nothing is kept.
  first.tree.write("/run/late", encode("x"));
  const { tree } = await open(storage);
  assert.deepEqual(await textsOf(tree), CHANGED);
  assert.deepEqual(
    [...storage.contents.keys()].sort(),
    ["0", "journal"],
    "removed contents are gone",
  );
  await tree.writeChunks("/run/more", [new Uint8Array(70_000).fill(66)]);
  const again = await open(storage);
  assert.deepEqual(await textsOf(again.tree), { ...CHANGED, more: "70000 characters" });
});

Deno.test("cut off at any byte, a folder is as it was after one of its changes", async () => {
  const storage = new MemoryStorage();
  const { tree } = await open(storage);
  tree.write("/run/a", encode("old"));
  const before = await textsOf(tree);
  const start = storage.contents.get("journal")!.length;
  tree.makeFolder("/run/.new");
  tree.write("/run/.new/b", encode("b"));
  tree.move("/run/.new", "/run/whole");
  const journal = storage.contents.get("journal")!;
  const seen = new Set<string>();
  for (let length = start; length <= journal.length; length++) {
    storage.contents.set("journal", journal.slice(0, length));
    const cut = await open(storage);
    seen.add(JSON.stringify(await textsOf(cut.tree)));
    // The next change follows the last whole one.
    cut.tree.write("/run/c", encode("c"));
    const { c } = await textsOf((await open(storage)).tree);
    assert.equal(c, "c", `cut off at byte ${length}`);
  }
  assert.deepEqual(
    [...seen],
    [before, { a: "old", ".new/b": "b" }, { a: "old", "whole/b": "b" }]
      .map((texts) => JSON.stringify(texts)),
  );
});

Deno.test("a change that cannot be kept is not made", async () => {
  const storage = new MemoryStorage();
  const { tree } = await open(storage);
  tree.append("/run/rows", encode("1\n"));
  storage.room = storage.contents.get("journal")!.length;
  assert.throws(() => tree.append("/run/rows", encode("2\n")), { message: "full" });
  assert.throws(() => tree.move("/run/rows", "/run/moved"), { message: "full" });
  assert.deepEqual(await textsOf(tree), { rows: "1\n" });
  assert.deepEqual(await textsOf((await open(storage)).tree), { rows: "1\n" });
});

Deno.test("contents are stored chunk by chunk, from memory that is used again", async () => {
  const storage = new MemoryStorage();
  const { tree } = await open(storage);
  const chunk = new Uint8Array(50_000);
  function* chunks(count: number): Generator<Uint8Array> {
    for (let i = 0; i < count; i++) yield chunk.fill(65 + i);
  }
  await tree.writeChunks("/run/large", chunks(3));
  await tree.writeChunks("/run/small", chunks(1));
  const reopened = await open(storage);
  for (const [path, count] of [["/run/large", 3], ["/run/small", 1]] as const) {
    const bytes = await reopened.tree.file(path).contents.bytes();
    assert.equal(bytes.length, count * chunk.length);
    for (let i = 0; i < count; i++) assert.equal(bytes[i * chunk.length], 65 + i, path);
  }
});
