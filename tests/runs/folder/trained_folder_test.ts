import assert from "node:assert/strict";
import { join } from "node:path";
import { removeTemporaries } from "../../../lib/platform/atomic_folder.ts";
import { asidePath } from "../../../lib/platform/temporary_name.ts";
import { writeTrainedFolder } from "../../../lib/runs/folder/trained_folder.ts";
import { withFolder } from "../../cli/temper.ts";

Deno.test("a result is replaced as a whole, and what the user has put beside it stays", () =>
  withFolder(async (run) => {
    const folder = join(run, "adapter");
    const write = (name: string, text: string) => Deno.writeTextFile(join(folder, name), text);
    const save = (...names: string[]) => (into: string) =>
      Promise.all(names.map((name) => Deno.writeTextFile(join(into, name), "new"))).then(() => {});
    const names = () => Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();

    await writeTrainedFolder(folder, save("adapter_model.bin", "value_head.bin", "config.json"));
    await write("notes.txt", "mine");
    await Deno.mkdir(join(folder, "plots"));
    await write("plots/a.svg", "<svg/>");
    await writeTrainedFolder(folder, save("adapter_model.safetensors", "tokenizer.json"));
    assert.deepEqual(names(), [
      "adapter_model.safetensors",
      "notes.txt",
      "plots",
      "tokenizer.json",
    ]);
    assert.equal(await Deno.readTextFile(join(folder, "notes.txt")), "mine");
    assert.equal(await Deno.readTextFile(join(folder, "plots/a.svg")), "<svg/>");

    const failing = () => Promise.reject(new Error("full"));
    await assert.rejects(writeTrainedFolder(folder, failing), /full/);
    assert.ok(names().includes("notes.txt"));
  }));

Deno.test("a result is still there when the process is killed between the two renames", () =>
  withFolder(async (run) => {
    const folder = join(run, "adapter");
    const save = (text: string) => (into: string) =>
      Deno.writeTextFile(join(into, "adapter_model.bin"), text);
    const names = () => Array.from(Deno.readDirSync(run), ({ name }) => name);
    await writeTrainedFolder(folder, save("old"));
    await Deno.writeTextFile(join(folder, "notes.txt"), "mine");

    const { rename } = Deno;
    let renames = 0;
    Deno.rename = (from, to) =>
      renames++ === 0 ? rename(from, to) : Promise.reject(new Error("killed"));
    try {
      await assert.rejects(writeTrainedFolder(folder, save("new")), /killed/);
    } finally {
      Deno.rename = rename;
    }
    assert.ok(!names().includes("adapter"));
    await removeTemporaries(run);
    assert.deepEqual(names(), ["adapter"]);
    assert.equal(await Deno.readTextFile(join(folder, "notes.txt")), "mine");

    // Killed after the second rename, the old result is in nobody's way.
    await Deno.rename(folder, asidePath(folder));
    await writeTrainedFolder(folder, save("new"));
    await removeTemporaries(run);
    assert.deepEqual(names(), ["adapter"]);
    assert.equal(await Deno.readTextFile(join(folder, "adapter_model.bin")), "new");
  }));
