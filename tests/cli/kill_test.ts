import assert from "node:assert/strict";
import { join } from "node:path";
import { outcome } from "../runs/small_run.ts";
import { writeGate } from "./gate.ts";
import { type Outcome, type Running, start, temper, withFolder } from "./temper.ts";

/** Moments at which runs are killed: `deno task test:kill` takes 50. */
const KILLS = Number(Deno.env.get("TEMPER_TEST_KILLS") ?? 3);

/** Settings of a run that takes about a second. */
const SMALL: Readonly<Record<string, number | string>> = {
  steps: 4,
  "save-every": 1,
  keep: 4,
  "batch-size": 2,
  "mini-batch-size": 1,
  "ppo-epochs": 2,
  "output-min-length": 4,
  "output-max-length": 8,
  "eval-samples": 8,
  "eval-max-new-tokens": 8,
  device: "wasm",
  threads: 1,
};

function fresh(run: string, settings: typeof SMALL = {}): string[] {
  const options = Object.entries({ ...SMALL, ...settings, output: run });
  return [
    "train",
    "--policy-dropout",
    ...options.flatMap(([name, value]) => [`--${name}`, `${value}`]),
  ];
}

const SFT = "sft --steps 6 --save-every 2 --batch-size 2 --eval-every 3 --eval-samples 8 " +
  "--eval-max-new-tokens 8 --input-max-text-length 320 --device wasm --threads 1";

/** Starts a run of supervised fine-tuning. */
function freshSft(run: string): string[] {
  return [...SFT.split(" "), "--output", run];
}

const resumed = (run: string) => ["train", "--resume", run];

/** The run as it has to end, and how long it takes in milliseconds. */
async function uninterrupted(
  run: string,
  begin: typeof fresh,
): Promise<{ expected: unknown; duration: number }> {
  const started = performance.now();
  const { code, stderr } = await temper(begin(run));
  assert.deepEqual([code, stderr], [0, ""]);
  return { expected: await outcome(run), duration: performance.now() - started };
}

/** Goes on with a run, or starts it where it was stopped before there was one; until its end. */
async function finish(run: string, begin: typeof fresh = fresh): Promise<void> {
  const resumable = existsSync(join(run, "config.json"));
  const { code, stderr } = await temper(resumable ? resumed(run) : begin(run));
  assert.deepEqual([code, stderr], [0, ""]);
}

for (const [command, begin] of Object.entries({ train: fresh, sft: freshSft })) {
  Deno.test(`${command} killed at ${KILLS} random moments ends bit for bit as without`, async () => {
    await withFolder(async (folder) => {
      const { expected, duration } = await uninterrupted(join(folder, "whole"), begin);
      for (let kill = 0; kill < KILLS; kill++) {
        const run = join(folder, `killed-${kill}`);
        const delay = Math.random() * duration;
        const { child, ended } = start(begin(run));
        const timer = setTimeout(() => killed(child, "SIGKILL"), delay);
        await ended;
        clearTimeout(timer);
        await finish(run, begin);
        assert.deepEqual(await outcome(run), expected, `killed after ${delay} of ${duration} ms`);
      }
    });
  });
}

Deno.test("Ctrl-C stops sft after the step, with the command that goes on", async () => {
  await withFolder(async (folder) => {
    const run = join(folder, "run");
    const running = start(freshSft(run).map((word) => word === "6" ? "1000" : word));
    await until(running, () => /^step 1\//m.test(running.stdout()));
    killed(running.child, "SIGINT");
    const { code, stderr } = await running.ended;
    assert.equal(code, 130);
    const [, step] = stderr.match(
      /^stopped after step (\d+) of 1000; to resume the run: .* sft --resume .*run$/m,
    ) ?? [];
    assert.ok(existsSync(join(run, `checkpoint-${step}`)), stderr);
  });
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`${signal} finishes the step and saves; a finished run stays as it is`, async () => {
    await withFolder(async (folder) => {
      const whole = join(folder, "whole");
      const run = join(folder, "stopped");
      // Before training, and in the first step.
      const gate = writeGate(folder, 2);
      const settings = { reward: gate.script };
      const running = start(fresh(run, settings));
      await until(running, () => /^step 1\//m.test(running.stdout()));
      killed(running.child, signal);
      await until(running, () => /^finishing the step /m.test(running.stderr()));
      gate.open();
      assert.equal((await temper(fresh(whole, settings))).code, 0);
      const expected = await outcome(whole);
      const { code: found, stderr } = await running.ended;
      assert.equal(found, code);
      assert.match(stderr, /^finishing the step and saving; press Ctrl-C again to stop at once$/m);
      const [, step] = stderr.match(
        /^stopped after step (\d) of 4; to resume the run: deno run -A \S*cli\.ts train --resume .*stopped$/m,
      ) ?? [];
      assert.ok(existsSync(join(run, `checkpoint-${step}`)), stderr);
      await finish(run);
      assert.deepEqual(await outcome(run), expected);

      const again = await temper(resumed(run));
      assert.deepEqual(again, {
        code: 0,
        stdout: `${run} is finished: all 4 steps of this ppo run are done\n`,
        stderr: "",
      });
      assert.deepEqual(await outcome(run), expected);
    });
  });
}

Deno.test("a second signal stops at once; meanwhile no other process may have the run", async () => {
  await withFolder(async (folder) => {
    const run = join(folder, "run");
    const running = start(fresh(run, { steps: 1000 }));
    await until(running, () => /^step 1\//m.test(running.stdout()));
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

Deno.test("a second signal in the middle of a step, later, stops at once", async () => {
  await withFolder(async (folder) => {
    const run = join(folder, "run");
    // A first step that lasts for minutes: nothing but the second signal ends it.
    const running = start(fresh(run, { "ppo-epochs": 100_000 }));
    await until(running, () => /^toxicity before/m.test(running.stdout()));
    await pause(500);
    killed(running.child, "SIGINT");
    await until(running, () => /^finishing the step /m.test(running.stderr()));
    await pause(500);
    killed(running.child, "SIGTERM");
    const { code, stderr } = await running.ended;
    assert.equal(code, 143);
    assert.doesNotMatch(stderr, /stopped after/);
    assert.ok(!existsSync(join(run, "checkpoint-1")));
  });
});

// What a run leaves when the measurement begins, and what only its end does.
for (
  const [when, begun, done] of [
    ["before", "config.json", "toxicity_before.json"],
    ["after", "adapter/adapter_config.json", "summary.json"],
  ]
) {
  Deno.test(`Ctrl-C while toxicity is measured ${when} training`, async () => {
    await withFolder(async (folder) => {
      const [whole, run] = ["whole", "stopped"].map((name) => join(folder, name));
      // Several batches: between those the signal is looked at.
      const settings = { steps: 1, "eval-samples": 64, "eval-max-new-tokens": 40 };
      assert.equal((await temper(fresh(whole, settings))).code, 0);
      const running = start(fresh(run, settings));
      await until(running, () => existsSync(join(run, begun)));
      killed(running.child, "SIGINT");
      const { code, stderr } = await running.ended;
      assert.equal(code, 130);
      assert.match(
        stderr,
        /^stopped while it was being measured; to resume the run: deno run -A \S*cli\.ts train --resume .*stopped$/m,
      );
      assert.ok(!existsSync(join(run, done)));
      await finish(run);
      assert.deepEqual(await outcome(run), await outcome(whole));
    });
  });
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function killed(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended by itself.
  }
}

/** Waits until something has happened that the process has to do before it ends. */
async function until({ ended }: Running, happened: () => boolean): Promise<void> {
  let outcome: Outcome | null = null;
  ended.then((ending) => outcome = ending);
  while (!happened()) {
    assert.equal(outcome, null);
    await pause(20);
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
