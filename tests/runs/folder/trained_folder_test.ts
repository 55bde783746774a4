import assert from "node:assert/strict";
import { join } from "node:path";
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
