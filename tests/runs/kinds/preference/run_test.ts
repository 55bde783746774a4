import assert from "node:assert/strict";
import { join } from "node:path";
import { readRows } from "../../../../lib/runs/folder/jsonl.ts";
import { dpo } from "../../../../lib/runs/kinds/dpo/kind.ts";
import { kto } from "../../../../lib/runs/kinds/kto/kind.ts";
import { orpo } from "../../../../lib/runs/kinds/orpo/kind.ts";
import { run } from "../../../../lib/runs/loop/run.ts";
import {
  type DpoRunConfig,
  resolveDpoRunConfig,
  resolveKtoRunConfig,
} from "../../../../lib/runs/settings/preference_config.ts";
import { call, withFolder } from "../../../cli/temper.ts";
import { outcome, smallPreference } from "../../small_run.ts";

/** Metrics of every kind, by TRL's names. */
const METRICS = [
  ...["loss", "grad_norm", "learning_rate", "entropy", "num_tokens", "epoch"],
  ...["rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies"],
  ...["logps/chosen", "logps/rejected", "logits/chosen", "logits/rejected", "time/step"],
];
const MEASURED = ["eval_loss", "eval_rewards/margins", "eval_rewards/accuracies"];

const cases = [
  { kind: dpo, settings: {} },
  { kind: dpo, settings: { precomputeRefLogProbs: true } },
  { kind: orpo, settings: {} },
  { kind: kto, settings: {} },
];
for (const { kind, settings } of cases) {
  const name = `${kind.kind} ${JSON.stringify(settings)}`;
  Deno.test(`${name}: stopped and resumed it ends bit for bit as one that was not`, () =>
    withFolder(async (folder) => {
      const [whole, cut] = ["whole", "cut"].map((name) => join(folder, name));
      const train = (output: string, options = {}, hooks = {}) =>
        run(
          kind as typeof dpo,
          kind.resolve(smallPreference(output, settings)) as DpoRunConfig,
          hooks,
          options,
        );
      await train(whole);
      const stop = new AbortController();
      const hooks = { stepped: (step: number) => void (step === 3 && stop.abort()) };
      await assert.rejects(train(cut, { signal: stop.signal }, hooks), { run: cut });
      await train(cut, { resume: true });
      await Deno.remove(join(cut, "checkpoint-3"), { recursive: true });
      assert.deepEqual(await outcome(cut), await outcome(whole));
      const rows = await readRows<Record<string, number>>(join(whole, "metrics.jsonl"));
      for (const name of METRICS) assert.equal(typeof rows[0][name], "number", name);
      for (const name of MEASURED) assert.equal(typeof rows[1][name], "number", name);
    }));
}

Deno.test("log-probabilities of the reference that are computed first change nothing", () =>
  withFolder(async (folder) => {
    const train = async (output: string, precomputeRefLogProbs: boolean) => {
      const settings = { steps: 3, evalEvery: 0, seed: 3, precomputeRefLogProbs };
      await run(dpo, resolveDpoRunConfig(smallPreference(join(folder, output), settings)));
      const { "adapter/README.md": _, ...files } = await outcome(join(folder, output));
      return files;
    };
    assert.deepEqual(await train("first", true), await train("each", false));
  }));

Deno.test("a run leaves samples, answers, a comparison, a card, and a summary that lists read", () =>
  withFolder(async (folder) => {
    const output = join(folder, "run");
    const { summary } = await run(
      dpo,
      resolveDpoRunConfig(smallPreference(output, { steps: 2, evalEvery: 0, learningRate: 1e-2 })),
    );
    assert.deepEqual(summary.accuracy.before, 0.5);
    assert.deepEqual(summary.margin.before, 0);
    assert.ok(Math.abs(summary.loss.before - Math.LN2) < 1e-6);
    assert.ok(summary.margin.after > 0);
    assert.ok(summary.winRate! >= 0 && summary.winRate! <= 1);
    const samples = await readRows<Record<string, unknown>>(join(output, "samples.jsonl"));
    assert.equal(samples.length, 16);
    const [chosen, rejected] = samples.slice(10);
    assert.match(String(chosen.query), /^\nSummarize the following/);
    assert.equal(rejected.query, chosen.query);
    assert.notEqual(rejected.response, chosen.response);
    assert.deepEqual([chosen.side, rejected.side], ["chosen", "rejected"]);
    assert.deepEqual(samples.slice(0, 4).map(({ group }) => group), [0, 0, 1, 1]);
    assert.equal(chosen.margin, Number(chosen.reward) - Number(rejected.reward));
    assert.deepEqual(chosen.rewards, { chosen: chosen.reward, rejected: rejected.reward });
    assert.equal((await readRows(join(output, "answers.jsonl"))).length, 2);
    const card = await Deno.readTextFile(join(output, "adapter", "README.md"));
    assert.match(card, /trained with DPO on the preferences of `demo\/pairs` in\n2 steps/);
    assert.match(card, /\| accuracy \| 0\.5000 \| /);
    assert.match(card, /answer after training has the higher reward for \d+ % of the prompts/);
    assert.match(await Deno.readTextFile(join(output, "comparison.csv")), /^query,/);
    const listed = (await call(["runs", "list", "--folder", folder])).stdout;
    assert.match(listed, /^run +finished +dpo +2\/2 /m);
    const shown = (await call(["runs", "show", output])).stdout;
    assert.match(shown, /accuracy 0\.500 → /);
  }));

Deno.test("without rewards to measure there is no comparison, and answers may be left out", () =>
  withFolder(async (folder) => {
    const dataset = join(folder, "rows.jsonl");
    const rows = Array.from({ length: 10 }, (_, i) => ({
      prompt: `Is ${i} even?`,
      completion: i % 2 === 0 ? "Yes." : "No.",
      label: i < 5,
    }));
    await Deno.writeTextFile(dataset, rows.map((row) => JSON.stringify(row)).join("\n"));
    const lines: string[] = [];
    const output = join(folder, "run");
    const { summary } = await run(
      kto,
      resolveKtoRunConfig(
        {
          ...smallPreference(output, { steps: 1, evalReward: null, evalPrompts: 0, dataset }),
          lossType: "apo_zero_unpaired",
        } as Parameters<typeof resolveKtoRunConfig>[0],
      ),
      { info: (line: string) => void lines.push(line) },
    );
    assert.deepEqual(summary.rewards, {});
    assert.ok(!("winRate" in summary));
    assert.equal(summary.count, 2);
    assert.equal(await Deno.readTextFile(join(output, "answers.jsonl")), "");
    await assert.rejects(Deno.stat(join(output, "comparison.csv")));
  }));

Deno.test("dpo, orpo and kto, and train --algorithm, train from the command line", () =>
  withFolder(async (folder) => {
    const options = (output: string) => [
      ...["--steps", "1", "--batch-size", "2", "--eval-samples", "2", "--eval-prompts", "0"],
      ...["--device", "wasm", "--output", join(folder, output)],
    ];
    const commands = [["dpo"], ["train", "--algorithm", "orpo"], ["kto"]];
    for (const [i, words] of commands.entries()) {
      const { code, stdout, stderr } = await call([...words, ...options(String(i))]);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^step 1\/1 {2}loss .*margin/m);
      assert.match(stdout, /^accuracy /m);
    }
  }));

Deno.test("rows without a preference are left out with a notice; wrong ones are refused in a line", () =>
  withFolder(async (folder) => {
    const dataset = join(folder, "rows.jsonl");
    const pair = { prompt: "Well?", chosen: "Yes.", rejected: "No." };
    const attempt = async (rows: object[], command = "dpo", ...options: string[]) => {
      await Deno.writeTextFile(dataset, rows.map((row) => JSON.stringify(row)).join("\n"));
      return await call([
        ...[command, "--dataset", dataset, "--steps", "1", "--batch-size", "2", "--eval-prompts"],
        ...["0", "--device", "wasm", "--output", join(folder, crypto.randomUUID()), ...options],
      ]);
    };
    const rows = [pair, pair, { ...pair, rejected: "Yes." }, { ...pair, chosen: "" }, pair];
    const left = await attempt(rows);
    assert.equal(left.code, 0, left.stderr);
    assert.match(
      left.stdout + left.stderr,
      /1 of 4 rows of the train split left out: both answers are the same/,
    );
    const refused = async (message: RegExp, ...args: Parameters<typeof attempt>) => {
      const { code, stderr } = await attempt(...args);
      assert.equal(code, 1, stderr);
      assert.match(stderr, message);
      assert.equal(stderr.trim().split("\n").length, 1, stderr);
    };
    const same = { ...pair, rejected: "Yes." };
    await refused(/no row of the train split has a preference/, [same, same]);
    await refused(/expected columns "chosen" and "rejected"/, [{ prompt: "a" }, { prompt: "b" }]);
    const label = { prompt: "Well?", completion: "Yes.", label: "good" };
    await refused(/row 1: "label" is "good", expected true or false/, [label, label], "kto");
    await refused(/too few for --batch-size 2/, [pair, pair]);
  }));

Deno.test("settings that do not go together are refused", () => {
  const message = (text: RegExp) => ({ name: "UserError", message: text });
  assert.throws(
    () => resolveDpoRunConfig({ precomputeRefLogProbs: true, compat: "trl-0.19" }),
    message(/`precomputeRefLogProbs`.*`compat`/),
  );
  assert.throws(
    () => resolveDpoRunConfig({ lossType: "ipo", labelSmoothing: 0.1 }),
    message(/`labelSmoothing`/),
  );
  assert.throws(() => resolveKtoRunConfig({ batchSize: 1 }), message(/`batchSize` is 1/));
  assert.equal(
    resolveKtoRunConfig({ batchSize: 1, lossType: "apo_zero_unpaired" }).batchSize,
    1,
  );
});
