import assert from "node:assert/strict";
import { join } from "node:path";
import { call, withFolder } from "./temper.ts";

// The demo's model has learnt its summaries as well as they can be; topics are new to it.
const TOPICS = "--summary-column topic --learning-rate 5e-3 --batch-size 4 --no-dropout " +
  "--eval-samples 8 --eval-max-new-tokens 4 --input-max-text-length 320 --threads 2";
const TRAIN = "--steps 1 --batch-size 2 --mini-batch-size 2 --ppo-epochs 1 --eval-samples 2 " +
  "--max-new-tokens 6 --eval-max-new-tokens 6 --threads 2 --json";

Deno.test("sft lowers the loss and raises ROUGE; train goes on from its adapter", async () => {
  await withFolder(async (folder) => {
    const output = join(folder, "sft");
    const schedule = "--steps 40 --lr-scheduler constant --eval-every 20";
    const args = `sft ${TOPICS} ${schedule} --json --output ${output}`.split(" ");
    const { code, stdout, stderr } = await call(args);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^trainable model parameters: 98304$/m);
    assert.match(stderr, /^before training: loss .* rouge1 .* rougeLsum /m);
    assert.match(stderr, /^step 40\/40 {2}loss /m);
    const { loss, rouge, steps, parameters } = JSON.parse(stdout);
    assert.ok(loss.after < 0.2 * loss.before, stdout);
    assert.ok(rouge.after.rouge1 > rouge.before.rouge1 + 0.3, stdout);
    assert.ok(rouge.after.rougeL > rouge.before.rougeL + 0.3, stdout);
    assert.deepEqual([steps, parameters.trainable], [40, 98304]);

    const names = Array.from(Deno.readDirSync(output), ({ name }) => name).sort();
    assert.deepEqual(names, [
      "adapter",
      "checkpoint-40",
      "config.json",
      "environment.json",
      "log.txt",
      "measurement_before.json",
      "metrics.jsonl",
      "summaries.jsonl",
      "summary.json",
    ]);
    const adapter = Array.from(Deno.readDirSync(join(output, "adapter")), ({ name }) => name);
    assert.deepEqual(adapter.sort(), [
      "README.md",
      "adapter_config.json",
      "adapter_model.safetensors",
    ]);
    const lines = (name: string) =>
      Deno.readTextFileSync(join(output, name)).trim().split("\n").map((line) => JSON.parse(line));
    const rows = lines("metrics.jsonl");
    assert.deepEqual(rows.filter(({ eval_loss }) => eval_loss).map(({ step }) => step), [20, 40]);
    assert.ok(Math.abs(rows[39].eval_loss - loss.after) < 1e-9);
    assert.deepEqual(Object.keys(lines("summaries.jsonl")[0]), [
      "id",
      "query",
      "reference",
      "before",
      "after",
    ]);

    for (const reference of ["initial", "base"]) {
      const run = join(folder, reference);
      const options = `--adapter ${output}/adapter --reference ${reference} --output ${run}`;
      const { code, stderr } = await call(`train ${TRAIN} ${options}`.split(" "));
      assert.equal(code, 0, stderr);
      const [row] = Deno.readTextFileSync(join(run, "metrics.jsonl")).split("\n");
      const kl = JSON.parse(row)["objective/kl"];
      // The adapter has gone far from the base, and not yet from itself.
      if (reference === "initial") assert.ok(Math.abs(kl) < 1e-6, `${kl}`);
      else assert.ok(Math.abs(kl) > 0.1, `${kl}`);
    }
  });
});

Deno.test("sft that diverges says so, in its folder as well", async () => {
  await withFolder(async (folder) => {
    const output = join(folder, "sft");
    const topics = TOPICS.replace("5e-3", "1e38");
    const args = `sft ${topics} --steps 9 --output ${output}`.split(" ");
    const { code, stderr } = await call(args);
    assert.equal(code, 1, stderr);
    const failure = JSON.parse(Deno.readTextFileSync(join(output, "failed.json")));
    const shown = failure.message.replace("`learningRate`", "--learning-rate");
    assert.match(
      shown,
      /the model has collapsed: step 1 left it without finite log-probabilities/,
    );
    assert.equal(stderr.trim().split("\n").at(-1), `error: ${shown}`);
    assert.equal(failure.step, 0);
    assert.equal(Deno.readTextFileSync(join(output, "metrics.jsonl")), "");
  });
});

Deno.test("sft --full writes a model that other commands take", async () => {
  await withFolder(async (folder) => {
    const output = join(folder, "sft");
    const args = `sft --full ${TOPICS} --steps 2 --json --output ${output}`.split(" ");
    const { code, stdout, stderr } = await call(args);
    assert.equal(code, 0, stderr);
    const { loss, trained, parameters } = JSON.parse(stdout);
    assert.ok(loss.after < loss.before, stdout);
    assert.equal(parameters.trainable, parameters.all);
    const again = `sft ${TOPICS} --steps 1 --json --model ${trained} --output ${folder}/again`;
    const { stdout: second } = await call(again.split(" "));
    assert.ok(Math.abs(JSON.parse(second).loss.before - loss.after) < 1e-4 * loss.after);
  });
});

const faults: [string, RegExp][] = [
  ["--full --adapter x", /--full trains the model itself, --adapter goes on/],
  ["--full --dtype bf16", /--full trains weights in f32, --dtype is bf16/],
  ["--prompt x", /has no \{dialogue\}/],
  ["--dataset nowhere", /nowhere/],
  ["--summary-column nothing", /no column "nothing"/],
  ["--batch-size 5000", /too few for --batch-size 5000/],
];
for (const [options, message] of faults) {
  Deno.test(`sft ${options}: one line, nothing written`, async () => {
    await withFolder(async (folder) => {
      const output = join(folder, "out");
      const { code, stderr } = await call(["sft", ...options.split(" "), "--output", output]);
      assert.equal(code, 1);
      assert.match(stderr, /^error: [^\n]*\n$/);
      assert.match(stderr, message);
      assert.throws(() => Deno.statSync(output), Deno.errors.NotFound);
    });
  });
}
