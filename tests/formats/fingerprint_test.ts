import assert from "node:assert/strict";
import { join } from "node:path";
import { fingerprint } from "../../lib/formats/fingerprint.ts";
import { withTempDir } from "../temp_dir.ts";

Deno.test("a fingerprint covers what is behind links, and ends where they lead in a circle", async () => {
  await withTempDir(async (dir) => {
    const [model, elsewhere] = ["model", "elsewhere"].map((name) => join(dir, name));
    Deno.mkdirSync(model);
    Deno.mkdirSync(elsewhere);
    Deno.writeTextFileSync(join(model, "config.json"), "{}");
    const alone = await fingerprint(model);
    Deno.symlinkSync(elsewhere, join(model, "onnx"));
    Deno.writeTextFileSync(join(elsewhere, "model.onnx"), "a");
    const linked = await fingerprint(model);
    assert.notEqual(linked, alone);
    Deno.writeTextFileSync(join(elsewhere, "model.onnx"), "b");
    assert.notEqual(await fingerprint(model), linked);
    // With two of them, the number of paths doubles at each step.
    for (const name of ["one", "other"]) Deno.symlinkSync(model, join(model, name));
    await fingerprint(model);
  });
});
