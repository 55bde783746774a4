import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../../lib/errors.ts";
import { readRows } from "../../../lib/runs/folder/jsonl.ts";
import { train } from "../../../lib/runs/loop/train.ts";
import { withFolder } from "../../cli/temper.ts";
import { gpuTest } from "../../device.ts";
import { smallRun } from "../small_run.ts";

gpuTest(
  "a GPU lost half way: one clear line, and the run goes on from its checkpoint",
  () =>
    withFolder(async (folder) => {
      const settings = { device: "webgpu" as const, ppoEpochs: 1, policyDropout: false };
      const whole = join(folder, "whole");
      await train(smallRun(whole, settings));

      const run = join(folder, "run");
      let gpu: GPUDevice | null = null;
      const { requestDevice } = GPUAdapter.prototype;
      GPUAdapter.prototype.requestDevice = async function (descriptor) {
        return gpu = await requestDevice.call(this, descriptor);
      };
      try {
        const losing = train(smallRun(run, settings), {
          stepped: (step) => void (step === 3 && gpu!.destroy()),
        });
        await assert.rejects(losing, (error: Error) => {
          assert.ok(error instanceof UserError);
          assert.doesNotMatch(error.message, /\n/);
          assert.equal(error.run, run);
          return /^the GPU was lost.*stopped in step 4, saved up to step 2\)$/.test(error.message);
        });
      } finally {
        GPUAdapter.prototype.requestDevice = requestDevice;
      }
      assert.equal((await readRows(join(run, "metrics.jsonl"))).length, 3);
      await train(smallRun(run, settings), {}, { resume: true });
      const steps = (await readRows<{ step: number }>(join(run, "metrics.jsonl"))).map(({ step }) =>
        step
      );
      assert.deepEqual(steps, [1, 2, 3, 4]);
    }),
);
