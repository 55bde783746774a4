import assert from "node:assert/strict";
import { join } from "node:path";
import { TrainingDivergedError } from "../../../lib/errors.ts";
import { SafetensorsFile } from "../../../lib/formats/safetensors.ts";
import { checkKl } from "../../../lib/runs/kinds/ppo/kl_guard.ts";
import { readRows } from "../../../lib/runs/folder/jsonl.ts";
import { resumeConfig, train } from "../../../lib/runs/loop/train.ts";
import { withFolder } from "../../cli/temper.ts";
import { outcome, smallRun } from "../small_run.ts";

const names = (folder: string) => Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();

Deno.test("checkKl names the bound, and NaN is out of bounds", () => {
  const bounds = { minKl: -5, maxKl: 200, maxTokenKl: 3, reference: "initial" } as const;
  const healthy = stats(0.1, [0.1, 0, 0.2]);
  checkKl(1, healthy, bounds);
  // One response far away is a heavy tail, and no collapse.
  checkKl(1, stats(180, [0.1, 0, 540]), bounds);
  // An adapter that training goes on from may be far from the base model.
  checkKl(1, stats(90, [93, 92, 0]), { ...bounds, reference: "base" });
  for (
    const [found, says, beganBad] of [
      [stats(-6, [-6, -6, -6]), /`minKl` is -5/, true],
      [stats(201, [201, 201, 201]), /`maxKl` is 200/, true],
      [stats(NaN, [NaN, 0, 0]), /minKl/, true],
      [stats(90, [93, 92, 0]), /collapsed: .* 9\.20 nats a token .*`maxTokenKl` is 3/, true],
      [{ ...healthy, "ppo/policy/policykl": 20 }, /collapsed: step 1 moved it by 20/, false],
    ] as const
  ) {
    assert.throws(() => checkKl(1, found, bounds), (error: Error) => {
      assert.ok(error instanceof TrainingDivergedError);
      assert.match(error.message, says);
      assert.equal(error.beganBad, beganBad);
      return true;
    });
  }
});

/** Statistics of a step with three responses of ten tokens. */
function stats(kl: number, kls: number[]) {
  return {
    "objective/kl": kl,
    "objective/kl_dist": Float32Array.from(kls),
    "objective/logprobs": kls.map(() => new Float32Array(10)),
    "ppo/policy/policykl": 0.01,
  };
}

Deno.test("a policy that collapses is noticed by default, and the last good adapter is left", async () => {
  await withFolder(async (folder) => {
    // With one update a step, the collapse shows only in the responses of the next.
    for (const updates of [{ miniBatchSize: 2, ppoEpochs: 1 }, { miniBatchSize: 1 }]) {
      const run = join(folder, `run-${updates.miniBatchSize}`);
      await assert.rejects(
        train(smallRun(run, { learningRate: 1e3, saveEvery: 1, maxKl: 1e9, ...updates })),
        /collapsed: .*`learningRate`.*the last good adapter is in .*adapter/,
      );
      using saved = SafetensorsFile.open(join(run, "adapter", "adapter_model.safetensors"));
      for (const name of saved.tensors.keys()) {
        assert.ok(saved.readFloats(name).every((value) => Math.abs(value) < 1), name);
      }
      assert.match(await Deno.readTextFile(join(run, "failed.json")), /collapsed/);
    }
  });
});

Deno.test("a run that derails where nothing can be written says both, and how to go on", async () => {
  await withFolder(async (folder) => {
    const { open } = Deno;
    const spiky = { learningRate: 0.02, ratioThreshold: 1.0001, maxTokenKl: 1e9, saveEvery: 0 };
    for (const failing of ["diverged-", "checkpoint-"]) {
      const run = join(folder, failing);
      Deno.open = (path, options) =>
        options?.write && String(path).includes(`/.${failing}`)
          ? Promise.reject(Object.assign(new Error(), { code: "ENOSPC" }))
          : open(path, options);
      try {
        await assert.rejects(train(smallRun(run, spiky)), (error: Error) => {
          const end = new RegExp(
            `^training diverged .* .ratioThreshold. .*; then: cannot write .*/${failing}.*: the disk is full ` +
              `\\(stopped in step \\d, with no step saved\\)$`,
          );
          assert.match(error.message, end);
          return true;
        });
      } finally {
        Deno.open = open;
      }
    }
  });
});

Deno.test("a run whose lock is taken from it stops before it writes again", async () => {
  await withFolder(async (folder) => {
    const run = join(folder, "run");
    let files: Record<string, string> = {};
    const read = () =>
      Object.fromEntries(
        ["metrics.jsonl", "samples.jsonl", "log.txt"].map((name) => [
          name,
          Deno.readTextFileSync(join(run, name)),
        ]),
      );
    const stepped = (step: number) => {
      if (step !== 1) return;
      Deno.removeSync(join(run, ".lock"));
      files = read();
    };
    await assert.rejects(
      train(smallRun(run, { saveEvery: 1 }), { stepped }),
      /^UserError: the run .* is no longer this process's: .*stopped after step 1, with no step saved/,
    );
    assert.deepEqual(read(), files);
    const left = names(run).filter((name) => /^(checkpoint-|adapter|failed|summary|\.)/.test(name));
    assert.deepEqual(left, []);
  });
});

Deno.test("a ratio above the threshold stops the run, which can go on with another", async () => {
  await withFolder(async (folder) => {
    const [run, whole] = ["run", "whole"].map((name) => join(folder, name));
    const spiky = {
      learningRate: 0.02,
      ratioThreshold: 1.0001,
      maxTokenKl: 1e9,
      saveEvery: 1,
      keep: 9,
    };
    await assert.rejects(
      train(smallRun(run, spiky)),
      /ratio of a minibatch is .*stopped in step \d; the last good adapter is in .*the batch in .*\)$/,
    );
    const [dump] = names(run).filter((name) => name.startsWith("diverged-"));
    const { step, reason, rows } = JSON.parse(await Deno.readTextFile(join(run, dump)));
    assert.equal(rows.length, 2);
    assert.equal(rows[0].logprobs.length, rows[0].responseTokens.length);
    assert.match(reason, /`ratioThreshold` is 1.0001/);
    assert.ok(names(run).includes(`checkpoint-${step - 1}`));

    await train(smallRun(whole, { ...spiky, ratioThreshold: null, maxKl: 1e9, minKl: -1e9 }));
    const freed = { ratioThreshold: null, maxKl: 1e9, minKl: -1e9 };
    await train(await resumeConfig(run, freed), {}, { resume: true });
    assert.deepEqual(await outcome(run), await outcome(whole));
  });
});

Deno.test("a policy that no longer generates goes back to before the step that broke it", async () => {
  await withFolder(async (folder) => {
    const run = join(folder, "run");
    const broken = { learningRate: 1e38, saveEvery: 1, ratioThreshold: null, maxKl: 1e38 };
    await assert.rejects(train(smallRun(run, broken)), /stopped in step \d/);
    using saved = SafetensorsFile.open(join(run, "adapter", "adapter_model.safetensors"));
    for (const name of saved.tensors.keys()) {
      assert.ok(saved.readFloats(name).every((value) => Math.abs(value) < 1), name);
    }
    assert.deepEqual(names(run).filter((name) => name.startsWith("checkpoint-")), ["checkpoint-0"]);
  });
});

Deno.test("skipping takes a step back to where it was good, and goes on", async () => {
  await withFolder(async (folder) => {
    const run = join(folder, "run");
    const lines: string[] = [];
    const bounds = { onDivergence: "skip" as const, minKl: -1e-9, maxKl: 1e-9, steps: 5 };
    await train(smallRun(run, { ...bounds, learningRate: 0.01 }), {
      info: (line) => lines.push(line),
    });
    const skipped = lines.filter((line) => / is skipped: the mean KL of step /.test(line));
    assert.equal(skipped.length, 2);
    // Only the reference's own KL is 0, and that is what each skipped step went back to.
    const rows = await readRows<{ step: number }>(join(run, "metrics.jsonl"));
    assert.deepEqual(rows.map(({ step }) => step), [1, 3, 5]);
  });
});

Deno.test("skipping does not go on for ever", async () => {
  await withFolder(async (folder) => {
    const lines: string[] = [];
    const settings = { onDivergence: "skip" as const, learningRate: 1e3, steps: 9 };
    await assert.rejects(
      train(smallRun(join(folder, "run"), settings), { info: (line) => lines.push(line) }),
      /collapsed/,
    );
    assert.equal(
      lines.filter((line) => / is skipped: the policy has collapsed/.test(line)).length,
      3,
    );
  });
});
