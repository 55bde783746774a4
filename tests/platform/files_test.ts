import assert from "node:assert/strict";
import { join } from "node:path";
import {
  allowedVariable,
  environmentVariable,
  setVariableIfUnset,
} from "../../lib/platform/environment.ts";
import {
  appendFile,
  appendText,
  copyTree,
  createFile,
  fileExists,
  fileInfo,
  isAlreadyThere,
  isNotFound,
  isThere,
  listFolder,
  makeFolder,
  makeNewFolder,
  openFile,
  readChunks,
  readFile,
  readTextFile,
  readTextNow,
  removeFile,
  touch,
  truncateFile,
  writeNewFile,
  writeTextNow,
} from "../../lib/platform/files.ts";
import { readTextIfThere } from "../../lib/platform/optional_text.ts";
import { crc32, Sha256 } from "../../lib/platform/hash.ts";
import { withTempDir } from "../temp_dir.ts";

Deno.test("files are looked up, listed, read in pieces and removed", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "a", "b.txt");
    await makeFolder(join(dir, "a"));
    await makeFolder(join(dir, "a"));
    await writeNewFile(path, [Uint8Array.of(1, 2), Uint8Array.of(3)]);
    assert.deepEqual(await listFolder(dir), [{ name: "a", isFolder: true }]);
    const { isFile, isFolder, size } = await fileInfo(path);
    assert.deepEqual({ isFile, isFolder, size }, { isFile: true, isFolder: false, size: 3 });

    const file = openFile(path);
    const into = new Uint8Array(5);
    assert.equal(file.readAt(1, into), 2);
    assert.deepEqual([...into], [2, 3, 0, 0, 0]);
    assert.equal(file.readAt(3, into), 0);
    file.close();
    assert.deepEqual(
      await Array.fromAsync(readChunks(path), (chunk) => [...chunk]),
      [[1, 2, 3]],
    );

    Deno.utimeSync(path, 0, 0);
    touch(path);
    assert.ok((await fileInfo(path)).modified! > Date.now() - 60_000);
    await assert.rejects(writeNewFile(path, []), "a new file replaces none");
    await removeFile(path);
    assert.equal(await fileExists(path), false);
  });
});

Deno.test("a file grows piece by piece", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "log");
    Deno.writeTextFileSync(path, "earlier");
    const file = createFile(path);
    file.write(new TextEncoder().encode("one "));
    file.write(new TextEncoder().encode("two"));
    file.close();
    assert.equal(await readTextIfThere(path), "one two");
  });
});

Deno.test("what does not exist is told from what cannot be read", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "none");
    await assert.rejects(fileInfo(path), (error) => isNotFound(error));
    assert.throws(() => openFile(path), (error) => isNotFound(error));
    assert.throws(() => openFile(dir), (error) => !isNotFound(error));
    assert.equal(await readTextIfThere(path), null);
    await assert.rejects(readTextIfThere(dir), {
      name: "UserError",
      message: /^cannot read .*: it is a folder$/,
    });
  });
});

Deno.test("hashes of published test vectors", () => {
  // FIPS 180-4's example; the check value of CRC-32 (ISO-HDLC).
  const digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  assert.equal(new Sha256().update("a").update(new TextEncoder().encode("bc")).hex(), digest);
  assert.equal(new Sha256().update("abc").bytes().length, 32);
  assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
});

Deno.test("a variable is read, and only where that is allowed", async () => {
  Deno.env.set("TEMPER_TEST_VARIABLE", "x");
  assert.equal(environmentVariable("TEMPER_TEST_VARIABLE"), "x");
  assert.equal(allowedVariable("TEMPER_TEST_VARIABLE"), "x");
  setVariableIfUnset("TEMPER_TEST_VARIABLE", "y");
  assert.equal(environmentVariable("TEMPER_TEST_VARIABLE"), "x");
  Deno.env.delete("TEMPER_TEST_VARIABLE");
  setVariableIfUnset("TEMPER_TEST_VARIABLE", "y");
  assert.equal(environmentVariable("TEMPER_TEST_VARIABLE"), "y");
  Deno.env.delete("TEMPER_TEST_VARIABLE");
  assert.equal(allowedVariable("TEMPER_TEST_VARIABLE"), undefined);
  const module = new URL("../../lib/platform/environment.ts", import.meta.url).href;
  await withTempDir(async (dir) => {
    const script = join(dir, "script.ts");
    const source =
      `import { allowedVariable } from "${module}"; console.log(allowedVariable("A"));`;
    Deno.writeTextFileSync(script, source);
    const run = async (...flags: string[]) => {
      const args = ["run", "--quiet", "--no-check", "--no-prompt", ...flags, script];
      const command = new Deno.Command(Deno.execPath(), { args, env: { A: "x" } });
      return new TextDecoder().decode((await command.output()).stdout).trim();
    };
    assert.equal(await run("--allow-env=A"), "x");
    assert.equal(await run(), "undefined");
  });
});

Deno.test({
  name: "a pipe is refused, not waited for",
  ignore: Deno.build.os === "windows",
  async fn() {
    await withTempDir(async (dir) => {
      const path = join(dir, "pipe");
      await new Deno.Command("mkfifo", { args: [path] }).output();
      const refused = { message: "it is a pipe or a device, expected a file" };
      await assert.rejects(readFile(path), refused);
      await assert.rejects(readTextFile(path), refused);
      await assert.rejects(Array.fromAsync(readChunks(path)), refused);
      assert.throws(() => openFile(path), refused);
      await assert.rejects(readTextIfThere(path), {
        name: "UserError",
        message: `cannot read ${path}: ${refused.message}`,
      });
    });
  },
});

Deno.test("files grow, are cut off and are copied with their folders", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "a", "rows");
    await makeFolder(join(dir, "a"));
    for (const text of ["one\n", "two\n"]) {
      const file = appendFile(path);
      file.write(new TextEncoder().encode(text));
      file.sync();
      file.close();
    }
    appendText(path, "three\n");
    assert.equal(readTextNow(path), "one\ntwo\nthree\n");
    await truncateFile(path, 8);
    await copyTree(join(dir, "a"), join(dir, "b"));
    writeTextNow(path, "new");
    assert.equal(await readTextFile(path), "new");
    assert.equal(await readTextFile(join(dir, "b", "rows")), "one\ntwo\n");
    assert.deepEqual([isThere(path), isThere(join(dir, "c"))], [true, false]);
    await assert.rejects(makeNewFolder(join(dir, "a")), isAlreadyThere);
  });
});
