import assert from "node:assert/strict";
import { join } from "node:path";
import { resolveTrainConfig } from "../../lib/runs/config.ts";
import {
  createRunDirectory,
  readRunConfig,
  releaseRunDirectory,
  reserveRunDirectory,
} from "../../lib/runs/run_directory.ts";
import { withFolder } from "../cli/temper.ts";

Deno.test("the default folder is named by time and model", async () => {
  await withFolder(async (folder) => {
    const before = Deno.cwd();
    Deno.chdir(folder);
    try {
      const now = new Date(2023, 7, 31, 9, 5, 2);
      const name = async (settings: { name: string | null; model: string }) =>
        (await reserveRunDirectory({ output: null, ...settings }, now)).path;
      const model = "models/flan-t5-base";
      assert.equal(await name({ name: null, model }), "runs/20230831-090502-flan-t5-base");
      assert.equal(await name({ name: "../less rude!", model }), "runs/20230831-090502-less-rude-");
    } finally {
      Deno.chdir(before);
    }
  });
});

Deno.test("an empty folder is taken, one with anything in it is refused", async () => {
  await withFolder(async (folder) => {
    const config = { output: folder, name: null, model: "m" };
    assert.equal((await reserveRunDirectory(config)).path, folder);
    await Deno.writeTextFile(join(folder, "notes.txt"), "");
    await assert.rejects(reserveRunDirectory(config), /exists and is not empty: choose another/);
  });
});

Deno.test("a folder that cannot be created is named, with the reason", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "file"), "");
    const file = { output: join(folder, "file"), name: null, model: "m" };
    await assert.rejects(reserveRunDirectory(file), /cannot create .*file: it is a file$/);
    const config = { output: join(folder, "file", "run"), name: null, model: "m" };
    await assert.rejects(
      reserveRunDirectory(config),
      /cannot create the output folder .*file\/run: /,
    );
  });
});

Deno.test("config.json gives the settings back, without the folder", async () => {
  await withFolder(async (folder) => {
    const config = resolveTrainConfig({ output: join(folder, "run"), seed: 3 });
    const run = await reserveRunDirectory(config);
    await createRunDirectory(run, config);
    assert.deepEqual(resolveTrainConfig(await readRunConfig(run.path)), {
      ...config,
      output: null,
    });
  });
});

Deno.test("releasing removes the folder only while it is empty", async () => {
  await withFolder(async (folder) => {
    const config = { output: join(folder, "run"), name: null, model: "m" };
    await releaseRunDirectory(await reserveRunDirectory(config));
    assert.throws(() => Deno.statSync(config.output), Deno.errors.NotFound);
    const run = await reserveRunDirectory(config);
    await Deno.writeTextFile(join(run.path, "notes.txt"), "");
    await releaseRunDirectory(run);
    assert.ok(Deno.statSync(config.output).isDirectory);
  });
});
