import assert from "node:assert/strict";
import { join } from "node:path";
import { SafetensorsFile } from "../../lib/formats/safetensors.ts";
import { call, temper, withFolder } from "./temper.ts";

const SMALL = "--batch-size 2 --mini-batch-size 2 --ppo-epochs 1 --eval-samples 2 " +
  "--max-new-tokens 6 --eval-max-new-tokens 6 --threads 1";
const small = SMALL.split(" ");

Deno.test("train leaves the files of a run, and compare reads them", async () => {
  await withFolder(async (folder) => {
    const output = join(folder, "run");
    const args = ["train", ...small, "--steps", "2", "--save-every", "1", "--output", output];
    const { code, stdout, stderr } = await temper(args);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^trainable model parameters: 98433$/m);
    assert.match(stdout, /^step 2\/2 {2}reward \S+ {2}KL \S+ /m);
    assert.match(stdout, /^toxicity .* → .*2 prompts\)$/m);

    const names = Array.from(Deno.readDirSync(output), ({ name }) => name).sort();
    assert.deepEqual(names, [
      "adapter",
      "checkpoint-1",
      "checkpoint-2",
      "comparison.csv",
      "config.json",
      "environment.json",
      "log.txt",
      "metrics.jsonl",
      "samples.jsonl",
      "summary.json",
      "toxicity_before.json",
    ]);
    const read = (name: string) => Deno.readTextFileSync(join(output, name));
    const rows = read("metrics.jsonl").trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(rows.map(({ step }) => step), [1, 2]);
    for (const name of ["objective/kl", "ppo/loss/total", "ppo/mean_scores", "time/generate"]) {
      assert.equal(typeof rows[0][name], "number", name);
    }
    assert.equal(read("samples.jsonl").trim().split("\n").length, 4);
    assert.match(
      read("log.txt"),
      /Z {2}toxicity before training: .*\n.*Z {2}finished after 2 steps\n$/s,
    );
    const summary = JSON.parse(read("summary.json"));
    assert.equal(summary.toxicity.before.count, 2);
    assert.equal(typeof summary.toxicity.after.mean, "number");
    assert.ok(summary.seconds > 0);

    const again = await call(["train", "--output", output]);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /^error: the folder .* exists and is not empty: .*\n$/);

    const compared = await call(["compare", output, "--samples", "2", "--json"]);
    assert.equal(compared.code, 0);
    assert.deepEqual(Object.keys(JSON.parse(compared.stdout)[0]), [
      "query",
      "response_before",
      "response_after",
      "reward_before",
      "reward_after",
      "reward_diff",
    ]);
  });
});

Deno.test("the same settings, given by a run's config.json, give the same files", async () => {
  await withFolder(async (folder) => {
    const [first, second] = ["first", "second"].map((name) => join(folder, name));
    await call(["train", ...small, "--steps", "1", "--output", first]);
    const config = join(first, "config.json");
    const { code } = await call(["train", "--config", config, "--output", second]);
    assert.equal(code, 0);
    const files = ["config.json", "samples.jsonl", "comparison.csv"]
      .concat(["adapter_model", "value_head"].map((name) => `adapter/${name}.safetensors`));
    for (const name of files) {
      const [a, b] = [first, second].map((run) => Deno.readFileSync(join(run, name)));
      assert.deepEqual(a, b, name);
    }
  });
});

Deno.test("--json prints the summary alone on standard output", async () => {
  await withFolder(async (folder) => {
    const output = join(folder, "run");
    const args = ["train", ...small, "--steps", "1", "--json", "--output", output];
    const { stdout, stderr } = await call(args);
    assert.equal(JSON.parse(stdout).output, output);
    assert.match(stderr, /^step 1\/1 /m);
  });
});

Deno.test("a run that diverges stops, says where, and keeps the last good adapter", async () => {
  await withFolder(async (folder) => {
    const output = join(folder, "run");
    const args = ["train", ...small, "--steps", "3", "--learning-rate", "1e38", "--output", output];
    const { code, stderr } = await call(args);
    assert.equal(code, 1);
    assert.match(stderr, /^error: .*stopped in step 2; the last good adapter is in .*\n$/);
    const saved = SafetensorsFile.open(join(output, "adapter", "adapter_model.safetensors"));
    for (const name of saved.tensors.keys()) {
      assert.ok(saved.readFloats(name).every((value) => Math.abs(value) < 1), name);
    }
    saved.close();
  });
});

/** Options with a fault (@ is a folder), files to write there first, and what the line says. */
const bad: Record<string, { args: string; files?: Record<string, string>; says: RegExp }> = {
  "no such model": { args: "--model @/model", says: /\/model/ },
  "broken config.json": {
    args: "--model @/model",
    files: { "model/config.json": "{", "model/tokenizer.json": "{}" },
    says: /\/model\//,
  },
  "no such adapter": { args: "--adapter @/adapter", says: /\/adapter/ },
  "unknown target modules": { args: "--target-modules query", says: /"query".* k, o, q, v/ },
  "no such column": {
    args: "--dialogue-column text",
    says: /"text".*--dialogue-column: "id", "dialogue", "summary"/,
  },
  "nothing left by the filter": { args: "--input-min-text-length 999", says: /999.*1000/ },
  "minibatch too large": {
    args: "--gradient-accumulation-steps 2",
    says: /2 is not divisible.* 4/,
  },
  "too little data": {
    args: "--dataset @/data.csv --input-min-text-length 1",
    files: { "data.csv": "dialogue,summary\nhello,hi\nhello there,hi\n" },
    says: /1 rows.* 2/,
  },
  "unknown reward label": { args: "--reward-label nice", says: /"nice".*nothate, hate/ },
  "unknown toxic label": { args: "--toxic-label rude", says: /"rude".*nothate, hate/ },
  "a reward that throws": {
    args: "--reward @/reward.ts",
    files: { "reward.ts": "export default () => { throw new Error('no luck') }" },
    says: /reward\.ts.*no luck/,
  },
  "a reward of NaN": {
    args: "--reward @/reward.ts",
    files: { "reward.ts": "export default (samples) => samples.map(() => NaN)" },
    says: /reward\.ts.*NaN/,
  },
  "a reward of the wrong count": {
    args: "--reward @/reward.ts",
    files: { "reward.ts": "export default () => [1]" },
    says: /reward\.ts.*1 score for 2/,
  },
  "a setting that does not exist": {
    args: "--config @/run.yaml",
    files: { "run.yaml": "learningrte: 1" },
    says: /run\.yaml: there is no setting "learningrte": did you mean learningRate\?/,
  },
};
for (const [what, { args, files = {}, says }] of Object.entries(bad)) {
  Deno.test(`bad input: ${what}: one line, nothing written`, async () => {
    await withFolder(async (folder) => {
      for (const [name, text] of Object.entries(files)) {
        await Deno.mkdir(join(folder, name, ".."), { recursive: true });
        await Deno.writeTextFile(join(folder, name), text);
      }
      const faulty = args.split(" ").map((arg) => arg.replace("@", folder));
      const output = join(folder, "out");
      const { code, stderr } = await call(["train", ...small, "--output", output, ...faulty]);
      const [, line] = stderr.match(/^error: (.*)\n$/) ?? [];
      assert.ok(line, stderr);
      assert.match(line, says);
      assert.equal(code, 1);
      assert.throws(() => Deno.statSync(output), Deno.errors.NotFound);
    });
  });
}
