import assert from "node:assert/strict";
import { join } from "node:path";
import { outcome } from "../runs/small_run.ts";
import { type Outcome, type Running, start, temper, withFolder } from "./temper.ts";

/** Moments at which runs are killed: `deno task test:kill` takes 50. */
const KILLS = Number(Deno.env.get("TEMPER_TEST_KILLS") ?? 4);

const SMALL = "--save-every 1 --keep 4 --batch-size 2 --mini-batch-size 1 " +
  "--ppo-epochs 2 --policy-dropout --output-min-length 4 --output-max-length 8 " +
  "--eval-samples 8 --eval-max-new-tokens 8 --device wasm --threads 1";

const fresh = (
  run: string,
  steps = 4,
) => ["train", ...SMALL.split(" "), "--steps", String(steps), "--output", run];
const resumed = (run: string) => ["train", "--resume", run];

/** The run as it has to end, and how long it takes in milliseconds. */
async function uninterrupted(run: string): Promise<{ expected: unknown; duration: number }> {
  const started = performance.now();
  const { code, stderr } = await temper(fresh(run));
  assert.deepEqual([code, stderr], [0, ""]);
  return { expected: await outcome(run), duration: performance.now() - started };
}

/** Goes on with a run, or starts it where it was stopped before there was one; until its end. */
async function finish(run: string): Promise<void> {
  const resumable = existsSync(join(run, "config.json"));
  const { code, stderr } = await temper(resumable ? resumed(run) : fresh(run));
  assert.deepEqual([code, stderr], [0, ""]);
}

Deno.test(`killed at ${KILLS} random moments, a run ends bit for bit as without`, async () => {
  await withFolder(async (folder) => {
    const { expected, duration } = await uninterrupted(join(folder, "whole"));
    for (let kill = 0; kill < KILLS; kill++) {
      const run = join(folder, `killed-${kill}`);
      const delay = Math.random() * duration;
      const { child, ended } = start(fresh(run));
      const timer = setTimeout(() => killed(child, "SIGKILL"), delay);
      await ended;
      clearTimeout(timer);
      await finish(run);
      assert.deepEqual(await outcome(run), expected, `killed after ${delay} of ${duration} ms`);
    }
  });
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`${signal} finishes the step and saves; a finished run stays as it is`, async () => {
    await withFolder(async (folder) => {
      const { expected } = await uninterrupted(join(folder, "whole"));
      const run = join(folder, "stopped");
      const running = start(fresh(run));
      await until(running, /^step 1\//m);
      killed(running.child, signal);
      const { code: found, stderr } = await running.ended;
      assert.equal(found, code);
      assert.match(stderr, /^finishing the step, then saving; once more to stop at once$/m);
      const [, step] = stderr.match(
        /^stopped after step (\d) of 4; go on with: temper train --resume .*stopped$/m,
      ) ?? [];
      assert.ok(existsSync(join(run, `checkpoint-${step}`)), stderr);
      await finish(run);
      assert.deepEqual(await outcome(run), expected);

      const again = await temper(resumed(run));
      assert.deepEqual(again, {
        code: 0,
        stdout: `${run} is finished: it has done its 4 steps\n`,
        stderr: "",
      });
      assert.deepEqual(await outcome(run), expected);
    });
  });
}

Deno.test("a second signal stops at once; meanwhile no other process may have the run", async () => {
  await withFolder(async (folder) => {
    const run = join(folder, "run");
    const running = start(fresh(run, 1000));
    await until(running, /^step 1\//m);
    for (const args of [resumed(run), fresh(run)]) {
      const { code, stderr } = await temper(args);
      assert.equal(code, 1);
      assert.match(
        stderr,
        new RegExp(`^error: the run ${run} is in use by process ${running.child.pid}: `),
      );
    }
    // Both are there when the process looks, between two passes: the second must not be lost.
    killed(running.child, "SIGINT");
    killed(running.child, "SIGTERM");
    const { code } = await running.ended;
    assert.ok([130, 143].includes(code));
  });
});

function killed(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended by itself.
  }
}

/** Waits for something on standard output. */
async function until({ stdout, ended }: Running, pattern: RegExp): Promise<void> {
  let outcome: Outcome | null = null;
  ended.then((ending) => outcome = ending);
  while (!pattern.test(stdout())) {
    assert.equal(outcome, null);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function existsSync(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
