import assert from "node:assert/strict";
import { join } from "node:path";
import { SequenceClassifier } from "../../../../lib/models/sequence_classifier.ts";
import { readRows } from "../../../../lib/runs/folder/jsonl.ts";
import { reward } from "../../../../lib/runs/kinds/reward/kind.ts";
import { run, type RunHooks } from "../../../../lib/runs/loop/run.ts";
import {
  resolveRewardRunConfig,
  type RewardRunConfig,
} from "../../../../lib/runs/settings/reward_config.ts";
import { call, withFolder } from "../../../cli/temper.ts";
import { withDevice } from "../../../device.ts";
import { goldenCausalDir } from "../../../golden_causal/folder.ts";
import { outcome } from "../../small_run.ts";

const LLAMA = join(goldenCausalDir, "llama", "checkpoint");
const QWEN2 = join(goldenCausalDir, "qwen2", "checkpoint");
const T5 = "demo/tiny-flan-t5";
const ROBERTA = join(goldenCausalDir, "reward-roberta", "checkpoint");

/** Kind and unkind answers; the last fifth is the test split. */
const PAIRS = Array.from({ length: 20 }, (_, i) => ({
  prompt: `How was walk ${i}?\n`,
  chosen: `We liked the park ${i}.`,
  rejected: `It was awful and we were angry ${i}.`,
}));

/** Writes rows as a dataset. */
function writeRows(folder: string, rows: readonly object[] = PAIRS): string {
  const path = join(folder, "pairs.jsonl");
  Deno.writeTextFileSync(path, rows.map((row) => JSON.stringify(row)).join("\n"));
  return path;
}

/** Settings of a run that takes a second. */
function small(
  folder: string,
  output: string,
  settings: Partial<RewardRunConfig> = {},
): RewardRunConfig {
  return resolveRewardRunConfig({
    model: LLAMA,
    dataset: join(folder, "pairs.jsonl"),
    output: join(folder, output),
    steps: 4,
    saveEvery: 2,
    batchSize: 2,
    gradientAccumulationSteps: 2,
    evalEvery: 3,
    loraR: 2,
    learningRate: 5e-3,
    device: "wasm",
    threads: 1,
    datasetCache: false,
    ...settings,
  });
}

const cases: Record<string, Partial<RewardRunConfig>> = {
  "a language model's adapter, folded in": {},
  "RoBERTa's adapter and head": { model: ROBERTA, merge: false },
  "all weights": { full: true, learningRate: 1e-3, lrScheduler: "cosine" },
  "T5's adapter and head": { model: T5, merge: false },
  "all weights of T5": { model: T5, full: true, learningRate: 1e-3 },
};
for (const [name, settings] of Object.entries(cases)) {
  Deno.test(`${name}: stopped and resumed, a run ends bit for bit as one that was not`, () =>
    withFolder(async (folder) => {
      writeRows(folder);
      const train = (output: string, options = {}, hooks: RunHooks = {}) =>
        run(reward, small(folder, output, settings), hooks, options);
      await train("whole");
      const stop = new AbortController();
      const hooks = { stepped: (step: number) => void (step === 3 && stop.abort()) };
      await assert.rejects(train("cut", { signal: stop.signal }, hooks), /stopped/);
      await train("cut", { resume: true });
      const [whole, cut] = ["whole", "cut"].map((output) => join(folder, output));
      await Deno.remove(join(cut, "checkpoint-3"), { recursive: true });
      assert.deepEqual(await outcome(cut), await outcome(whole));
      const file = settings.merge === false
        ? "adapter/adapter_model.safetensors"
        : "model/model.safetensors";
      const [a, b] = [cut, whole].map((path) => Deno.readFileSync(join(path, file)));
      assert.deepEqual(a, b);
    }));
}

Deno.test("the result ranks test pairs, and is the classifier that score and --reward take", () =>
  withFolder(async (folder) => {
    const dataset = writeRows(folder);
    const args = (output: string) => [
      ...["reward", "--model", LLAMA, "--dataset", dataset, "--output", join(folder, output)],
      ...["--steps", "12", "--batch-size", "4", "--learning-rate", "5e-3", "--lora-r", "2"],
      ...["--device", "wasm", "--threads", "2"],
    ];
    const merged = await call(args("merged"));
    assert.equal(merged.code, 0, merged.stderr);
    assert.match(merged.stderr + merged.stdout, /^before training: accuracy .* \(4 test pairs\)$/m);
    assert.match(merged.stdout, /^try +temper score --model \S+\/merged\/model TEXT$/m);
    const summary = JSON.parse(Deno.readTextFileSync(join(folder, "merged", "summary.json")));
    assert.equal(summary.accuracy.after, 1);
    assert.ok(summary.margin.after > summary.margin.before + 0.5);
    const [adapted, again] = [await call([...args("adapted"), "--no-merge"]), "adapter"];
    assert.equal(adapted.code, 0, adapted.stderr);

    // The test pairs as the run measured them, by the whole classifier and by the adapter with its head.
    const rows = await readRows<
      { prompt: string; chosen: string; after: { chosen: number; rejected: number } }
    >(join(folder, "merged", "pairs.jsonl"));
    const texts = rows.map(({ prompt, chosen }) => prompt + chosen);
    await withDevice(async (device) => {
      const classifiers = [
        await SequenceClassifier.load(device, join(folder, "merged", "model")),
        await SequenceClassifier.load(device, LLAMA, { adapter: join(folder, "adapted", again) }),
      ];
      for (const classifier of classifiers) {
        const { logits } = await classifier.logits(texts);
        logits.forEach(([logit], i) =>
          assert.ok(Math.abs(logit - rows[i].after.chosen) < 1e-4, `${logit}, ${i}`)
        );
      }
    });
    for (const trained of ["merged/model", "adapted/adapter"]) {
      const model = join(folder, trained);
      const score = await call(["score", "--model", model, "--json", "--device", "wasm", texts[0]]);
      assert.equal(score.code, 0, score.stderr);
      const [{ logits }] = JSON.parse(score.stdout).texts;
      assert.ok(Math.abs(logits.LABEL_0 - rows[0].after.chosen) < 1e-4, score.stdout);
    }
    const grpo = await call([
      ...["grpo", "--steps", "1", "--batch-size", "2", "--num-generations", "2", "--device"],
      ...["wasm", "--max-completion-length", "4", "--mini-batch-size", "2", "--eval-samples", "1"],
      ...["--reward", join(folder, "merged/model"), "--output", join(folder, "grpo")],
    ]);
    assert.equal(grpo.code, 0, grpo.stderr);
    const [first] = await readRows(join(folder, "grpo", "metrics.jsonl"));
    assert.ok("rewards/merged-model/mean" in (first as object));
  }));

Deno.test("a T5 that generates becomes a classifier that score and --reward take", () =>
  withFolder(async (folder) => {
    writeRows(folder);
    const settings = { model: T5, steps: 12, evalEvery: 0 };
    const { summary } = await run(reward, small(folder, "merged", settings));
    assert.ok(summary.margin.after > summary.margin.before + 0.5, JSON.stringify(summary.margin));
    const adapted = small(folder, "adapted", { ...settings, merge: false });
    const { trained } = (await run(reward, adapted)).summary;
    const [row] = await readRows<{ prompt: string; chosen: string; after: { chosen: number } }>(
      join(folder, "merged", "pairs.jsonl"),
    );
    for (const model of [summary.trained, trained]) {
      const text = row.prompt + row.chosen;
      const score = await call(["score", "--model", model, "--json", "--device", "wasm", text]);
      assert.equal(score.code, 0, score.stderr);
      const [{ logits }] = JSON.parse(score.stdout).texts;
      assert.ok(Math.abs(logits.LABEL_0 - row.after.chosen) < 1e-4, score.stdout);
    }
    const ppo = await call([
      ...[
        "train",
        "--steps",
        "1",
        "--batch-size",
        "2",
        "--mini-batch-size",
        "2",
        "--device",
        "wasm",
      ],
      ...["--reward", summary.trained, "--eval-samples", "1", "--output", join(folder, "ppo")],
    ]);
    assert.equal(ppo.code, 0, ppo.stderr);
  }));

Deno.test("a run leaves metrics by TRL's names, both answers of a pair as samples, and a card", () =>
  withFolder(async (folder) => {
    writeRows(folder, PAIRS.map((pair, i) => ({ ...pair, margin: i % 2 })));
    const config = small(folder, "run", { steps: 2, evalEvery: 1, centerRewardsCoefficient: 0.01 });
    const { summary } = await run(reward, config);
    const [row] = await readRows<Record<string, number>>(join(folder, "run", "metrics.jsonl"));
    for (
      const name of [
        ...["loss", "accuracy", "margin", "min_reward", "mean_reward", "max_reward", "grad_norm"],
        ...["learning_rate", "num_tokens", "epoch", "eval_accuracy", "eval_margin", "eval_loss"],
      ]
    ) assert.equal(typeof row[name], "number", name);
    const samples = await readRows<Record<string, unknown>>(join(folder, "run", "samples.jsonl"));
    assert.equal(samples.length, 2 * 2 * 4);
    const [chosen, rejected] = samples;
    assert.deepEqual([chosen.side, rejected.side], ["chosen", "rejected"]);
    assert.deepEqual(samples.slice(0, 4).map(({ group }) => group), [0, 0, 1, 1]);
    assert.equal(chosen.query, rejected.query);
    assert.match(String(chosen.response), /^We liked the park/);
    assert.deepEqual(chosen.rewards, { chosen: chosen.reward, rejected: rejected.reward });
    assert.equal(chosen.margin, Number(chosen.reward) - Number(rejected.reward));
    assert.ok(Deno.statSync(join(folder, "run", "best", "model.safetensors")).isFile);
    const listed = (await call(["runs", "list", "--folder", folder])).stdout;
    assert.match(listed, /^run +finished +reward +2\/2 /m);
    const card = await Deno.readTextFile(join(folder, "run", "model", "README.md"));
    assert.match(card, /^pipeline_tag: text-classification$/m);
    assert.match(
      card,
      new RegExp(`^\\| accuracy \\| .* \\| ${summary.accuracy.after.toFixed(4)}`, "m"),
    );
    // It goes on from there: a classifier with one label keeps its head.
    const model = join(folder, "run", "model");
    const next = await run(reward, small(folder, "next", { model, steps: 1 }));
    assert.ok(Math.abs(next.summary.margin.before - summary.margin.after) < 1e-4);
  }));

Deno.test("a classifier for two labels gets a head for one", () =>
  withFolder(async (folder) => {
    writeRows(folder);
    const config = small(folder, "run", { model: "demo/tiny-roberta-toxicity", steps: 1 });
    const { summary } = await run(reward, config);
    const args = ["--model", summary.trained, "--json", "--device", "wasm", "We liked it."];
    const { code, stdout, stderr } = await call(["score", ...args]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(Object.keys(JSON.parse(stdout).texts[0].logits), ["LABEL_0"]);
  }));

Deno.test("conversations are read whole, as a template writes them", () =>
  withFolder(async (folder) => {
    const message = (role: string, content: string) => ({ role, content });
    writeRows(
      folder,
      PAIRS.map(({ prompt, chosen, rejected }) => ({
        chosen: [message("user", prompt), message("assistant", chosen)],
        rejected: [message("user", prompt), message("assistant", rejected)],
      })),
    );
    const { summary } = await run(reward, small(folder, "run", { model: QWEN2, steps: 1 }));
    assert.equal(summary.count, 4);
    const [{ prompt, chosen }] = await readRows<Record<string, string>>(
      join(folder, "run", "pairs.jsonl"),
    );
    assert.match(prompt, /<\|im_start\|>user\nHow was walk 16\?/);
    assert.match(prompt + chosen, /<\|im_start\|>assistant\nWe liked the park 16\.<\|im_end\|>/);
  }));

Deno.test("pairs that say nothing or are too long are left out, and counted in a line", () =>
  withFolder(async (folder) => {
    const odd = [
      { prompt: "a", chosen: "b", rejected: "b" },
      { prompt: "a", chosen: "", rejected: "b" },
      { prompt: "a", chosen: "b", rejected: "long ".repeat(60) },
    ];
    writeRows(folder, [...odd, ...PAIRS]);
    const lines: string[] = [];
    const hooks = { info: (line: string) => void lines.push(line) };
    await run(reward, small(folder, "run", { steps: 1, maxLength: 50 }), hooks);
    assert.ok(
      lines.includes(
        "pairs of the train split left out: 1 (both answers are the same), 1 (an answer is empty), " +
          "1 (longer than 50 tokens)",
      ),
      lines.join("\n"),
    );
  }));

const faults: [name: string, rows: readonly object[], options: string, message: RegExp][] = [
  ["equal answers alone", PAIRS.map((p) => ({ ...p, rejected: p.chosen })), "", /no.* has a pref/],
  ["prompts alone", PAIRS.map(({ prompt }) => ({ prompt })), "", /has no preferences: expected/],
  ["a margin that is no number", [{ ...PAIRS[0], margin: "x" }, PAIRS[1]], "", /"margin" is "x"/],
  ["pairs that are too long", PAIRS, "--max-length 3", /longer than 3 tokens: raise --max-length/],
  ["too few pairs", PAIRS.slice(0, 3), "--batch-size 8", /too few for --batch-size 8/],
  ["two ways at once", PAIRS, "--full --adapter x", /--full trains the model itself/],
];
for (const [name, rows, options, message] of faults) {
  Deno.test(`${name}: one line, nothing written`, () =>
    withFolder(async (folder) => {
      const output = join(folder, "out");
      const { code, stderr } = await call([
        ...["reward", "--dataset", writeRows(folder, rows), "--output", output, "--device", "wasm"],
        ...(options.includes("--model") ? [] : ["--model", LLAMA]),
        ...["--batch-size", "1", ...options.split(" ").filter((word) => word !== "")]
          .slice(options.includes("--batch-size") ? 2 : 0),
      ]);
      assert.equal(code, 1, stderr);
      assert.match(stderr, /^error: [^\n]*\n$/);
      assert.match(stderr, message);
      assert.throws(() => Deno.statSync(output), Deno.errors.NotFound);
    }));
}

Deno.test("without a model and a dataset it is the demo, with its own settings", () => {
  const { model, dataset, steps, learningRate } = resolveRewardRunConfig();
  assert.deepEqual([model, dataset], ["demo/tiny-roberta-toxicity", "demo/pairs"]);
  assert.deepEqual([steps, learningRate], [40, 1e-3]);
  assert.equal(resolveRewardRunConfig({ model: "x" }).steps, null);
  assert.equal(resolveRewardRunConfig({ steps: 3 }).steps, 3);
});
