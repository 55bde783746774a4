import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { sft } from "../../../lib/runs/loop/sft.ts";
import { resumeConfig, train } from "../../../lib/runs/loop/train.ts";
import { withFolder } from "../../cli/temper.ts";
import { outcome, smallRun, smallSft } from "../small_run.ts";

/** `deno task test:kill` tries every change; else there are this many tries, spread evenly. */
const TRIES = Deno.env.has("TEMPER_TEST_KILLS") ? Infinity : 10;

/** What changes files: everything that a run calls of it. */
const ASYNC = ["mkdir", "open", "rename", "remove", "truncate"] as const;
const SYNC = ["openSync", "writeTextFileSync", "removeSync"] as const;
const FILE_ASYNC = ["write", "sync"] as const;
const FILE_SYNC = ["writeSync", "syncDataSync", "truncateSync"] as const;

class Killed extends Error {}

/**
 * Runs `body` as if the process were killed at the change of a file of this number, counted from 0: a
 * write is torn in the middle, and nothing changes from then on.
 *
 * @returns how many changes there were, and the names of the calls
 */
async function killedAt(fatal: number, body: () => Promise<unknown>): Promise<string[]> {
  const calls: string[] = [];
  const undo: (() => void)[] = [];
  // deno-lint-ignore no-explicit-any
  const patch = (target: any, name: string, isAsync: boolean) => {
    const original = target[name];
    target[name] = function (...args: unknown[]) {
      // To read is no change.
      const reads = name.startsWith("open") && !(args[1] as Deno.OpenOptions)?.write &&
        !(args[1] as Deno.OpenOptions)?.append;
      if (reads) return original.apply(this, args);
      const call = calls.push(name) - 1;
      if (call < fatal) return original.apply(this, args);
      if (call === fatal && args[0] instanceof Uint8Array) {
        const half = args[0].subarray(0, args[0].length >> 1);
        if (name === "write") return original.call(this, half).then(() => Promise.reject(killed()));
        original.call(this, half);
      }
      if (isAsync) return Promise.reject(killed());
      throw killed();
    };
    undo.push(() => target[name] = original);
  };
  const killed = () => new Killed("killed");
  for (const name of ASYNC) patch(Deno, name, true);
  for (const name of SYNC) patch(Deno, name, false);
  for (const name of FILE_ASYNC) patch(Deno.FsFile.prototype, name, true);
  for (const name of FILE_SYNC) patch(Deno.FsFile.prototype, name, false);
  try {
    await body();
  } catch (error) {
    if (calls.length <= fatal) throw error;
  } finally {
    for (const restore of undo) restore();
  }
  return calls;
}

/** A run of each kind; each starts in a folder, or goes on in it. */
const RUNS: Record<string, (run: string, resume: boolean) => Promise<unknown>> = {
  async ppo(run, resume) {
    const settings = { steps: 3, saveEvery: 1, keep: 1, batchSize: 1, evalSamples: 1 };
    const config = smallRun(run, { ...settings, log: "tensorboard" });
    await train(resume ? await resumeConfig(run, {}) : config, {}, { resume });
  },
  async sft(run, resume) {
    await sft(smallSft(run, { saveEvery: 1, keep: 1, log: "tensorboard" }), {}, { resume });
  },
  async "sft with all weights"(run, resume) {
    await sft(smallSft(run, { full: true, evalEvery: 0, evalSamples: 1 }), {}, { resume });
  },
};

for (const [name, go] of Object.entries(RUNS)) {
  Deno.test(`${name} killed at any change of a file ends bit for bit as without`, async () => {
    await withFolder(async (folder) => {
      const whole = join(folder, "whole");
      const calls = await killedAt(Infinity, () => go(whole, false));
      const expected = await outcome(whole);
      const stride = Math.max(1, Math.ceil(calls.length / TRIES));
      for (let fatal = 0; fatal < calls.length; fatal += stride) {
        const run = join(folder, "killed");
        const at = `${calls[fatal]}, change ${fatal} of ${calls.length}`;
        await killedAt(fatal, () => go(run, false));
        await go(run, existsSync(join(run, "config.json")));
        assert.deepEqual(await outcome(run), expected, at);
        const left = Array.from(Deno.readDirSync(run), ({ name }) => name).sort();
        const names = Array.from(Deno.readDirSync(whole), ({ name }) => name).sort();
        assert.deepEqual(left, names, at);
        await Deno.remove(run, { recursive: true });
      }
    });
  });
}
