import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../../lib/errors.ts";
import { findCheckpoint, listCheckpoints } from "../../../lib/runs/folder/checkpoint.ts";
import { TrainingSession } from "../../../lib/runs/loop/session.ts";
import { train } from "../../../lib/runs/loop/train.ts";
import { withFolder } from "../../cli/temper.ts";
import { withDevice } from "../../device.ts";
import { smallRun } from "../small_run.ts";
import { toyTask } from "../toy_kind.ts";

Deno.test("the latest checkpoints and the best are kept; broken ones take no place, also when resumed", async () => {
  await withFolder((folder) =>
    withDevice(async (device) => {
      const task = toyTask(device, { steps: 9 });
      const options = { run: folder, trained: join(folder, "model"), keep: 2 };
      const open = () => new TrainingSession(task, options);
      let session = open();
      const step = async (reward: number, regular = true) => {
        await session.completeStep(reward);
        await session.save({ regular });
        return await listCheckpoints(folder);
      };
      assert.deepEqual(await step(1), [1]);
      assert.deepEqual(await step(5), [1, 2]);
      assert.deepEqual(await step(0), [2, 3]);
      assert.deepEqual(await step(0), [2, 3, 4]);

      // As after a crash of the machine: the latest are there, and broken.
      for (const broken of [5, 6, 9]) await Deno.mkdir(join(folder, `checkpoint-${broken}`));
      const lines: string[] = [];
      const found = await findCheckpoint(folder, (line) => lines.push(line));
      assert.deepEqual([found!.state.step, lines.length], [4, 3]);
      session = open();
      await session.restore(found!);
      await session.completeStep(0);
      assert.deepEqual(await step(0), [2, 4, 6]);
      assert.deepEqual(await step(6), [6, 7]);
      // One that an interruption made is the latest, and not the best.
      assert.deepEqual(await step(100, false), [7, 8]);
    })
  );
});

Deno.test("when a save fails, the message says what is kept and how to go on", async () => {
  await withFolder(async (folder) => {
    const run = join(folder, "run");
    const { open } = Deno;
    for (
      const [failing, message] of [
        ["checkpoint-1", "after step 1, with no step saved"],
        ["checkpoint-2", "after step 2, saved up to step 1"],
        ["adapter", "after the last step, saved up to step 2"],
        ["comparison.csv", "after the last step, saved up to step 2"],
      ]
    ) {
      Deno.open = (path, options) =>
        options?.write && String(path).includes(`.${failing}.`)
          ? Promise.reject(Object.assign(new Error(), { code: "ENOSPC" }))
          : open(path, options);
      try {
        const config = smallRun(run, { steps: 2, saveEvery: 1 });
        const resume = failing !== "checkpoint-1";
        await assert.rejects(train(config, {}, { resume }), (error: Error) => {
          assert.ok(error instanceof UserError);
          const [, file, rest] = /^cannot write (\S+): the disk is full (.*)$/.exec(
            error.message,
          ) ?? [];
          assert.ok(file?.startsWith(join(run, failing)), error.message);
          assert.equal(rest, `(stopped ${message})`);
          assert.equal(error.run, run);
          return true;
        });
      } finally {
        Deno.open = open;
      }
    }
    await train(smallRun(run, { steps: 2, saveEvery: 1 }), {}, { resume: true });
  });
});
