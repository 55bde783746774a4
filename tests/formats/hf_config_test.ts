import assert from "node:assert/strict";
import { join } from "node:path";
import { readJson, readJsonIfThere, readTextIfThere } from "../../lib/formats/hf_config.ts";
import { withTempDir } from "../temp_dir.ts";

Deno.test("a JSON object is read", async () => {
  await withTempDir(async (dir) => {
    Deno.writeTextFileSync(join(dir, "config.json"), `{"d_model": 128}`);
    assert.deepEqual(await readJson(dir, "config.json", "model"), { d_model: 128 });
    assert.equal(await readJsonIfThere(dir, "other.json"), null);
    assert.equal(await readTextIfThere(join(dir, "config.json")), `{"d_model": 128}`);
    assert.equal(await readTextIfThere(join(dir, "other.json")), null);
  });
});

Deno.test("what is wrong is said in one line", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "config.json");
    const message = (pattern: RegExp) => ({ name: "UserError", message: pattern });
    const read = () => readJson(dir, "config.json", "model");
    await assert.rejects(
      readJson(join(dir, "none"), "config.json", "model"),
      message(/none is not a model's folder: it does not exist or is empty/),
    );
    Deno.writeTextFileSync(join(dir, "notes.txt"), "");
    await assert.rejects(read, message(/it has no config\.json, only notes\.txt/));
    Deno.writeTextFileSync(path, `{"d_model": `);
    await assert.rejects(read, message(/config\.json is not JSON: /));
    Deno.writeTextFileSync(path, `[1]`);
    await assert.rejects(read, message(/config\.json holds a list, expected a JSON object/));
    Deno.writeTextFileSync(path, `null`);
    await assert.rejects(read, message(/config\.json holds null, expected/));
    Deno.removeSync(path);
    Deno.mkdirSync(path);
    await assert.rejects(read, message(/Cannot read .*config\.json: it is a folder/));
  });
});
