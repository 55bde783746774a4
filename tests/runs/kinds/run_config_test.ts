import assert from "node:assert/strict";
import { join } from "node:path";
import { runKinds } from "../../../lib/runs/kinds/registry.ts";
import { reserveRunDirectory, writeRunConfig } from "../../../lib/runs/folder/run_directory.ts";
import {
  readRunConfig,
  readSharedSettings,
  resumeRun,
} from "../../../lib/runs/kinds/run_config.ts";
import { resolveTrainConfig, trainConfigSchema } from "../../../lib/runs/settings/config.ts";
import { resolveSftConfig } from "../../../lib/runs/settings/sft_config.ts";
import { withFolder } from "../../cli/temper.ts";

Deno.test("config.json gives the settings back, without the folder", async () => {
  await withFolder(async (folder) => {
    const config = resolveTrainConfig({ output: join(folder, "run"), seed: 3 });
    using run = await reserveRunDirectory(config);
    await writeRunConfig(run.directory, config);
    assert.deepEqual(resolveTrainConfig((await readRunConfig(config.output!)).settings), {
      ...config,
      output: null,
    });
  });
});

Deno.test("what is not the folder of a run is named, with why", async () => {
  await withFolder(async (folder) => {
    const refused = (path: string, reason: string) =>
      assert.rejects(readRunConfig(path), {
        name: "UserError",
        message: `${path} is not the folder of a run: ${reason}`,
      });
    await refused(folder, "it has no config.json");
    const path = join(folder, "run");
    await refused(path, "it does not exist");
    await Deno.writeTextFile(path, "");
    await refused(path, "it is a file");
    // A model's.
    await Deno.writeTextFile(join(folder, "config.json"), '{"model_type":"t5"}');
    await refused(folder, `${folder}/config.json: there is no setting "model_type"`);
  });
});

Deno.test("a run says its kind; one that is not known is named", async () => {
  await withFolder(async (run) => {
    const write = (config: object) =>
      Deno.writeTextFile(join(run, "config.json"), JSON.stringify(config));
    await write(resolveSftConfig());
    assert.equal((await readRunConfig(run)).kind.kind, "sft");
    // As folders of earlier versions are.
    const { kind: _, keep: __, log: ___, ...earlier } = resolveSftConfig({ seed: 3 });
    await write(earlier);
    const { kind, settings } = await readRunConfig(run);
    assert.deepEqual([kind.kind, settings.seed], ["sft", 3]);
    await write({ kind: "sarsa" });
    await Deno.writeTextFile(join(run, "environment.json"), "[]");
    const known = runKinds().map(({ kind }) => kind).join(", ");
    await assert.rejects(readRunConfig(run), {
      name: "UserError",
      message: `${run}/config.json: there is no kind of run "sarsa": expected one of ${known}`,
    });
  });
});

Deno.test("a run is resumed with its own settings, and those that may change", async () => {
  await withFolder(async (run) => {
    const { output: _, ...stored } = resolveSftConfig({ seed: 3, epochs: 2 });
    await Deno.writeTextFile(join(run, "config.json"), JSON.stringify(stored));
    const { kind, config } = await resumeRun(run, { epochs: 3, keep: 5, seed: 3 });
    assert.equal(kind.kind, "sft");
    assert.deepEqual(config, { ...stored, output: run, epochs: 3, keep: 5 });
    const refused = (given: object, message: RegExp) =>
      assert.rejects(resumeRun(run, given), message);
    await refused(
      { seed: 4 },
      /its own settings; these differ: `seed` \(3, not 4\): leave them out/,
    );
    await refused({ output: "elsewhere" }, /`output`/);
    await refused({ ppoEpochs: 2 }, /`ppoEpochs` \(undefined, not 2\)/);
  });
});

Deno.test("settings that PPO has as well are read from a run of another kind", async () => {
  await withFolder(async (run) => {
    const stored = resolveSftConfig({ model: "somewhere", inputMinTextLength: 7 });
    await Deno.writeTextFile(join(run, "config.json"), JSON.stringify(stored));
    const shared = await readSharedSettings(run, trainConfigSchema);
    assert.deepEqual([shared.model, shared.inputMinTextLength], ["somewhere", 7]);
    // Those of another kind, and those with a value that PPO has not.
    for (const name of ["kind", "steps", "maxTargetLength"]) assert.ok(!(name in shared), name);
    resolveTrainConfig(shared);
  });
});
