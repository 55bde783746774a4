import assert from "node:assert/strict";
import { join } from "node:path";
import { SafetensorsFile } from "../../../../lib/formats/safetensors.ts";
import { readRows } from "../../../../lib/runs/folder/jsonl.ts";
import { grpo } from "../../../../lib/runs/kinds/grpo/kind.ts";
import { rloo } from "../../../../lib/runs/kinds/rloo/kind.ts";
import { GRPOTrainer } from "../../../../lib/rl/grpo_trainer.ts";
import { run } from "../../../../lib/runs/loop/run.ts";
import {
  type GrpoRunConfig,
  resolveGrpoRunConfig,
  resolveRlooRunConfig,
} from "../../../../lib/runs/settings/group_config.ts";
import { Overviews } from "../../../../web/store/overviews.ts";
import { RunsFolder } from "../../../../web/store/runs_folder.ts";
import { call, withFolder } from "../../../cli/temper.ts";
import { outcome, smallGroup } from "../../small_run.ts";

/** Share of the letter e, and null for responses without any letter. */
const SCRIPT = `export default (prompts, completions, columns) =>
  completions.map((text, i) =>
    columns.dialogue[i].length > 0 && /[a-z]/.test(text) ? text.split("e").length / text.length : null);
`;

for (const kind of [grpo, rloo]) {
  Deno.test(`${kind.kind} that is stopped and resumed ends bit for bit as one that was not`, () =>
    withFolder(async (folder) => {
      const [whole, cut] = ["whole", "cut"].map((name) => join(folder, name));
      const settings = (output: string) =>
        kind.resolve(smallGroup(output, { beta: 0.1 })) as GrpoRunConfig;
      const train = (output: string, options = {}, hooks = {}) =>
        run(kind as typeof grpo, settings(output), hooks, options);
      await train(whole);
      const stop = new AbortController();
      const hooks = { stepped: (step: number) => void (step === 3 && stop.abort()) };
      await assert.rejects(train(cut, { signal: stop.signal }, hooks), { run: cut });
      await train(cut, { resume: true });
      await Deno.remove(join(cut, "checkpoint-3"), { recursive: true });
      assert.deepEqual(await outcome(cut), await outcome(whole));
    }));
}

for (const kind of [grpo, rloo]) {
  Deno.test(`${kind.kind}: a policy that collapses is noticed, and the last good adapter is left`, () =>
    withFolder(async (folder) => {
      const output = join(folder, "run");
      await Deno.writeTextFile(join(folder, "letters.ts"), SCRIPT);
      const reward = [join(folder, "letters.ts")];
      const settings = smallGroup(output, {
        learningRate: 1e2,
        numIterations: 1,
        miniBatchSize: 4,
        reward,
      });
      await assert.rejects(
        run(kind as typeof grpo, kind.resolve(settings) as GrpoRunConfig),
        /collapsed: step 1 moved it by \d.* `maxTokenKl` is 3: .*the last good adapter is in .*adapter/,
      );
      using saved = SafetensorsFile.open(join(output, "adapter", "adapter_model.safetensors"));
      for (const name of saved.tensors.keys()) {
        assert.ok(saved.readFloats(name).every((value) => Math.abs(value) < 1), name);
      }
    }));
}

Deno.test("a run leaves TRL's metrics, samples with advantages, and a summary that lists read", () =>
  withFolder(async (folder) => {
    const output = join(folder, "run");
    await Deno.writeTextFile(join(folder, "letters.ts"), SCRIPT);
    const config = resolveGrpoRunConfig(smallGroup(output, {
      steps: 2,
      evalEvery: 1,
      reward: [join(folder, "letters.ts"), "demo/tiny-roberta-toxicity"],
      rewardWeights: [1, 0.1],
      evalReward: [join(folder, "letters.ts")],
    }));
    const { summary } = await run(grpo, config);
    const [row] = await readRows<Record<string, number>>(join(output, "metrics.jsonl"));
    for (
      const name of [
        "reward",
        "reward_std",
        "frac_reward_zero_std",
        "rewards/letters.ts/mean",
        "rewards/tiny-roberta-toxicity/std",
        "completions/mean_length",
        "clip_ratio/high_mean",
        "entropy",
        "kl",
        "eval/letters.ts/mean",
        "time/generate",
      ]
    ) assert.equal(typeof row[name], "number", name);
    const samples = await readRows<Record<string, unknown>>(join(output, "samples.jsonl"));
    assert.equal(samples.length, 8);
    assert.equal(samples[0].query, samples[1].query);
    assert.equal(samples[0].group, 0);
    const [a, b] = samples.map(({ advantage }) => advantage as number);
    assert.ok(Math.abs(a + b) < 1e-6, "advantages of a group add up to 0");
    assert.equal(summary.rewards["letters.ts"].after.count, 2);
    assert.ok(summary.winRate >= 0 && summary.winRate <= 1);
    const listed = (await call(["runs", "list", "--folder", folder])).stdout;
    assert.match(listed, /^run +finished +grpo +2\/2 /m);
    const card = await Deno.readTextFile(join(output, "adapter", "README.md"));
    assert.match(card, /trained with GRPO in 2 steps/);
  }));

Deno.test("the reference reads responses while a reward waits; the result is the same, bit for bit", () =>
  withFolder(async (folder) => {
    const scored = Promise.withResolvers<void>();
    const events: string[] = [];
    Object.assign(globalThis, { scoringOfTest: { events, compared: scored.promise } });
    const reward = join(folder, "odd.ts");
    // As a judge that answers the first step only once the device has been at work.
    await Deno.writeTextFile(
      reward,
      `export default async (samples) => {
        const { events, compared } = globalThis.scoringOfTest;
        if (events.push("asked") === 3) await compared;
        return samples.map(({ response }) => response.length % 3);
      };`,
    );
    const { compareAhead } = GRPOTrainer.prototype;
    GRPOTrainer.prototype.compareAhead = async function (...given) {
      await compareAhead.apply(this, given);
      events.push("compared");
      scored.resolve();
    };
    try {
      const train = async (name: string) => {
        const output = join(folder, name);
        const settings = smallGroup(output, {
          steps: 2,
          evalEvery: 0,
          beta: 0.1,
          reward: [reward],
        });
        await run(grpo, resolveGrpoRunConfig(settings));
        return await outcome(output);
      };
      const waited = await train("waited");
      // A check of the reward, before training, two steps, after training.
      assert.deepEqual(events, ["asked", "asked", "asked", "compared", "asked", "asked"]);
      assert.deepEqual(waited, await train("not"));
      assert.ok(!events.slice(6).includes("compared"));
    } finally {
      GRPOTrainer.prototype.compareAhead = compareAhead;
    }
  }));

Deno.test("grpo, and train --algorithm, train from the command line", () =>
  withFolder(async (folder) => {
    const options = (output: string) => [
      ...["--steps", "1", "--batch-size", "2", "--num-generations", "2", "--eval-samples", "1"],
      ...["--mini-batch-size", "2", "--max-completion-length", "4", "--device", "wasm"],
      ...["--output", join(folder, output)],
    ];
    const first = await call(["grpo", ...options("first")]);
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /^step 1\/1 {2}reward /m);
    const second = await call(["train", "--algorithm", "grpo", ...options("second")]);
    assert.equal(second.code, 0, second.stderr);
    const third = await call(["train", "--algorithm=rloo", ...options("third")]);
    assert.equal(third.code, 0, third.stderr);
    const adapter = (run: string) =>
      Deno.readFileSync(join(folder, run, "adapter", "adapter_model.safetensors"));
    assert.deepEqual(adapter("first"), adapter("second"));
    const wrong = await call(["train", "--algorithm", "gpro"]);
    assert.deepEqual([wrong.code, wrong.stdout], [2, ""]);
    assert.match(
      wrong.stderr,
      /^error: --algorithm is "gpro": expected one of ppo, grpo, rloo, dpo, orpo, kto, sft, reward$/m,
    );
  }));

for (const kind of ["grpo", "rloo"]) {
  Deno.test(`${kind} whose rewards are all equal says so, once, and on its page`, () =>
    withFolder(async (folder) => {
      await Deno.writeTextFile(
        join(folder, "one.ts"),
        "export default (samples) => samples.map(() => 1);",
      );
      const small =
        "--steps 12 --batch-size 2 --mini-batch-size 2 --num-generations 2 --device wasm " +
        "--max-completion-length 2 --eval-samples 1 --no-progress";
      const { code, stdout, stderr } = await call([
        ...[kind, ...small.split(" "), "--output", join(folder, "run")],
        ...["--reward", `${join(folder, "one.ts")},length:2`],
      ]);
      assert.equal(code, 0, stderr);
      const advice =
        /^for 10 steps the responses to each prompt have had equal rewards .* nothing is learnt .*/;
      const lines = stdout.split("\n");
      const at = lines.findIndex((line) => advice.test(line));
      assert.match(lines[at - 1], /^step 10\/12 /);
      assert.match(lines[at], /a higher --temperature or a larger --num-generations$/);
      assert.equal(stdout.match(/nothing is learnt/g)?.length, 1);
      assert.match(await Deno.readTextFile(join(folder, "run", "log.txt")), /nothing is learnt/);
      // Each of several rewards has its name.
      assert.match(stdout, /^one\.ts +1\.0000 → 1\.0000 .*\nlength +.* → .*\n/m);
      const page = (await new Overviews(new RunsFolder(folder)).of("run"))!;
      assert.match(page.advice!, /`temperature`/);
      assert.deepEqual(page.changes.map(({ label }) => label), ["one.ts", "length", "win rate"]);
    }));
}

Deno.test("a reward that applies to no test prompt leaves a summary that lists read", () =>
  withFolder(async (folder) => {
    const output = join(folder, "run");
    const nothing = join(folder, "nothing.ts");
    await Deno.writeTextFile(nothing, "export default (samples) => samples.map(() => null);");
    const settings = smallGroup(output, { steps: 1, evalEvery: 0, reward: ["length:9", nothing] });
    await run(grpo, resolveGrpoRunConfig(settings));
    const log = await Deno.readTextFile(join(output, "log.txt"));
    assert.match(log, /before training: length .*, nothing\.ts applies to no prompt$/m);
    const summary = JSON.parse(await Deno.readTextFile(join(output, "summary.json")));
    assert.equal(summary.rewards["nothing.ts"].after.mean, null);
    const listed = await call(["runs", "list", "--folder", folder]);
    assert.match(listed.stdout, /^run +finished +grpo +1\/1 /m);
    assert.equal(listed.stderr, "");
  }));

Deno.test("too little data, and data without the right answers, are refused before anything is written", () =>
  withFolder(async (folder) => {
    const output = join(folder, "run");
    const refused = (settings: Partial<GrpoRunConfig>, message: RegExp) =>
      assert.rejects(run(grpo, resolveGrpoRunConfig(smallGroup(output, settings))), {
        name: "UserError",
        message,
      });
    await refused({ batchSize: 6000 }, /rows, too few for the 3000 prompts of a step/);
    await refused({ reward: ["number:answer"] }, /^the reward number:answer reads the right/);
    await assert.rejects(Deno.stat(output), Deno.errors.NotFound);
  }));

Deno.test("settings that do not go together are refused", () => {
  const refused = (settings: Parameters<typeof resolveGrpoRunConfig>[0], message: RegExp) =>
    assert.throws(() => resolveGrpoRunConfig(settings), { name: "UserError", message });
  refused(
    { batchSize: 12, numGenerations: 8 },
    /`batchSize` 12 is not divisible by `numGenerations`/,
  );
  refused({ prompt: "none" }, /has no \{dialogue\}/);
  refused({ rewardWeights: [1, 2] }, /2 numbers for 1 reward:/);
  refused({ numGenerations: 1 }, /`numGenerations`/);
  assert.throws(() => resolveRlooRunConfig({ batchSize: 3 }), /`numGenerations`/);
});

Deno.test("the demo: the chat model learns to add with care, also what it has not seen", () =>
  withFolder(async (folder) => {
    const settings = { output: join(folder, "run"), device: "wasm", progress: false } as const;
    const { summary: { reward } } = await run(grpo, resolveGrpoRunConfig(settings));
    assert.ok(reward.before.mean < 0.5, `${reward.before.mean} before`);
    assert.ok(reward.after.mean > 0.9, `${reward.after.mean} after`);
  }));
