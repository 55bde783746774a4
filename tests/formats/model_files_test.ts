import assert from "node:assert/strict";
import { join } from "node:path";
import { readJsonIfThere } from "../../lib/formats/hf_config.ts";
import {
  FolderFiles,
  MemoryFiles,
  type ModelFiles,
  modelFiles,
} from "../../lib/formats/model_files.ts";
import { readTextIfThere } from "../../lib/platform/optional_text.ts";
import { withTempDir } from "../temp_dir.ts";

const CONTENTS: [string, string][] = [
  ["config.json", `{"d_model": 128}`],
  ["list.json", "[1]"],
  ["null.json", "null"],
  ["cut.json", `{"d_model": `],
  ["merges.txt", "a b\n"],
];

/** Runs a test on the same files in a folder, as bytes in memory and as blobs. */
async function withEachKind(body: (files: ModelFiles) => Promise<void>): Promise<void> {
  const encode = (text: string) => new TextEncoder().encode(text);
  await withTempDir(async (dir) => {
    for (const [name, text] of CONTENTS) Deno.writeTextFileSync(join(dir, name), text);
    await body(new FolderFiles(dir));
  });
  await body(new MemoryFiles(CONTENTS.map(([name, text]) => [name, encode(text)])));
  await body(new MemoryFiles(CONTENTS.map(([name, text]) => [name, new Blob([text])])));
}

Deno.test("files are found and read alike wherever they are", async () => {
  await withEachKind(async (files) => {
    assert.deepEqual(await files.names(), CONTENTS.map(([name]) => name).sort());
    assert.equal(await files.has("config.json"), true);
    assert.equal(await files.has("other.json"), false);
    assert.deepEqual(await files.json("config.json"), { d_model: 128 });
    assert.equal(await files.json("other.json"), null);
    assert.equal(await files.text("merges.txt"), "a b\n");
    assert.equal(await files.text("other.txt"), null);
    assert.deepEqual([...await files.bytes("merges.txt") ?? []], [97, 32, 98, 10]);
    assert.equal(await files.bytes("other.txt"), null);
    using file = await files.open("merges.txt");
    assert.equal(file.size, 4);
    assert.deepEqual([...file.read(2, 2)], [98, 10]);
    assert.equal(file.path, files.pathOf("merges.txt"));
    await assert.rejects(files.open("other.txt"), {
      name: "UserError",
      message: /^cannot read .*other\.txt: it does not exist$/,
    });
  });
});

Deno.test("errors name the file in one line", async () => {
  await withEachKind(async (files) => {
    const rejects = (name: string, message: RegExp) =>
      assert.rejects(files.requiredJson(name, "model"), { name: "UserError", message });
    await rejects(
      "other.json",
      /is not a model's folder: it has no other\.json, only config\.json/,
    );
    await rejects("cut.json", /cut\.json is not JSON: /);
    await rejects("list.json", /list\.json holds a list, expected a JSON object/);
    await rejects("null.json", /null\.json holds null, expected/);
  });
});

Deno.test("a folder that does not exist and a folder in place of a file are named", async () => {
  await withTempDir(async (dir) => {
    await assert.rejects(
      modelFiles(join(dir, "none")).requiredJson("config.json", "model"),
      { message: /none is not a model's folder: it does not exist or is empty/ },
    );
    Deno.mkdirSync(join(dir, "config.json"));
    await assert.rejects(
      modelFiles(dir).requiredJson("config.json", "model"),
      { message: /cannot read .*config\.json: it is a folder/ },
    );
    assert.equal(await readJsonIfThere(dir, "other.json"), null);
  });
});

Deno.test("text that is not UTF-8 is refused, not read with other letters", async () => {
  const bytes = Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d);
  await assert.rejects(new MemoryFiles([["config.json", bytes]], "m").json("config.json"), {
    name: "UserError",
    message: "m/config.json is not UTF-8: line 1 has the byte 0xFF, at 2 from its start; " +
      "save it as UTF-8",
  });
});

Deno.test("a text file out of reason is not read into memory", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "tokenizer.json");
    await Deno.writeTextFile(path, "{}");
    // Without blocks on the disk.
    await Deno.truncate(path, 300 * 2 ** 20);
    await assert.rejects(new FolderFiles(dir).json("tokenizer.json"), {
      name: "UserError",
      message: `cannot read ${path}: it has 300 MiB, expected at most 256`,
    });
    await Deno.truncate(path, 2 ** 30);
    await assert.rejects(readTextIfThere(path), {
      name: "UserError",
      message: `cannot read ${path}: it has 1024 MiB, expected at most 511`,
    });
  });
});
