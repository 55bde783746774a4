/** Runs at absurd learning rates end with the last good result and say so, whatever their kind. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { SafetensorsFile } from "../../../lib/formats/safetensors.ts";
import { runKind } from "../../../lib/runs/kinds/registry.ts";
import { run } from "../../../lib/runs/loop/run.ts";
import { withFolder } from "../../cli/temper.ts";
import { smallPreference, smallSft } from "../small_run.ts";

const ABSURD = { learningRate: 1e3, saveEvery: 1 };

const KINDS: Record<string, (output: string) => Readonly<Record<string, unknown>>> = {
  dpo: (output) => ({ ...smallPreference(output, { ...ABSURD, evalPrompts: 0 }) }),
  orpo: (output) => ({ ...smallPreference(output, { ...ABSURD, evalPrompts: 0 }) }),
  kto: (output) => ({ ...smallPreference(output, { ...ABSURD, evalPrompts: 0 }) }),
  sft: (output) => ({ ...smallSft(output, ABSURD) }),
  reward: (output) => ({
    ...ABSURD,
    output,
    steps: 3,
    batchSize: 4,
    evalSamples: 2,
    merge: false,
    device: "wasm",
    threads: 1,
    datasetCache: false,
  }),
};

for (const [name, settings] of Object.entries(KINDS)) {
  Deno.test(`${name}: a collapse is noticed by default, and the last good adapter is left`, () =>
    withFolder(async (folder) => {
      const output = join(folder, "run");
      const kind = runKind(name)!;
      await assert.rejects(
        run(kind, kind.resolve(settings(output))),
        /collapsed: step 1 .*`learningRate`.*the last good adapter is in .*adapter, the batch in /,
      );
      using saved = SafetensorsFile.open(join(output, "adapter", "adapter_model.safetensors"));
      for (const name of saved.tensors.keys()) {
        assert.ok(saved.readFloats(name).every((value) => Math.abs(value) < 2), name);
      }
      const failure = JSON.parse(await Deno.readTextFile(join(output, "failed.json")));
      assert.match(failure.message, /collapsed/);
      assert.equal(failure.kind, "TrainingDivergedError");
      const { rows } = JSON.parse(await Deno.readTextFile(join(output, "diverged-1.json")));
      assert.ok(rows.length > 0);
    }));
}

Deno.test("sft and reward of all weights stop at a collapse, with the checkpoint before it", () =>
  withFolder(async (folder) => {
    for (const name of ["sft", "reward"]) {
      const output = join(folder, name);
      const kind = runKind(name)!;
      const { merge: _, ...rest } = KINDS[name](output);
      await assert.rejects(
        run(kind, kind.resolve({ ...rest, full: true })),
        /collapsed: step 1 .*stopped in step 1, with no step saved/,
      );
    }
  }));
