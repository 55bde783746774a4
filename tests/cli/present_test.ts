import assert from "node:assert/strict";
import { join } from "node:path";
import { OutOfMemoryError, UserError } from "../../lib/errors.ts";
import { type CommandAtHand, present } from "../../lib/cli/present.ts";
import { call, temper, withFolder } from "./temper.ts";

const TRAIN: CommandAtHand = {
  options: new Set(["--batch-size", "--mini-batch-size", "--activation-memory", "--dtype"]),
  inFile: new Map(),
};

Deno.test("settings are spelled as the command's options, where it has them", async () => {
  const error = new UserError("`batchSize` 10 is not divisible by `miniBatchSize`, `topK` is 1");
  assert.equal(
    await present(error, TRAIN),
    "--batch-size 10 is not divisible by --mini-batch-size, `topK` is 1",
  );
});

Deno.test("a setting of a configuration file keeps the file's spelling", async () => {
  const error = new UserError("`batchSize` 10 is not divisible by `miniBatchSize` 3");
  const inFile = new Map([["batchSize", "batch_size"]]);
  assert.equal(
    await present(error, { ...TRAIN, config: "run.yaml", inFile }),
    "run.yaml: batch_size 10 is not divisible by --mini-batch-size 3",
  );
});

Deno.test("runs show spells the settings of a failure as the run's command takes them", async () => {
  await withFolder(async (folder) => {
    const message = "the policy moved too far: try a smaller `learningRate`, or `noSetting`";
    const shown = async (config: object) => {
      await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify(config));
      await Deno.writeTextFile(
        join(folder, "failed.json"),
        JSON.stringify({ kind: "TrainingDivergedError", message, step: 1 }),
      );
      return (await call(["runs", "show", folder])).stdout;
    };
    const expected =
      "failed: the policy moved too far: try a smaller --learning-rate, or `noSetting`";
    assert.ok((await shown({ kind: "ppo" })).includes(expected));
    assert.ok((await shown({ kind: "sft" })).includes(expected));
  });
});

Deno.test("out of memory: what helps is what the command has", async () => {
  const error = new OutOfMemoryError("out of memory", { needed: 2, available: 1 });
  assert.equal(
    await present(error, TRAIN),
    "out of memory; try a smaller --mini-batch-size, a smaller --batch-size, a limit with " +
      "--activation-memory, --dtype bf16 or a smaller model",
  );
  const score = { options: new Set(["--model"]), inFile: new Map() };
  assert.equal(await present(error, score), "out of memory; try a smaller model");
  const stopped = new UserError("out of memory (stopped in step 3)", { cause: error });
  assert.match(await present(stopped, score), /\(stopped in step 3\); try a smaller model$/);
});

Deno.test("a run that can go on: the command for its kind, with the folder as one word", async () => {
  await withFolder(async (folder) => {
    const run = join(folder, "it's");
    await Deno.mkdir(run);
    const error = new UserError("stopped after step 1", { run });
    const quoted = `'${folder}/it'\\''s'`;
    assert.equal(
      await present(error, TRAIN),
      `stopped after step 1; to resume the run: temper train --resume ${quoted}`,
    );
    await Deno.writeTextFile(join(run, "config.json"), '{"kind": "sft"}');
    assert.match(await present(error, TRAIN), /to resume the run: temper sft --resume /);
  });
});

Deno.test("rules that join settings name them as they were typed", async () => {
  const flags = await call(["train", "--batch-size", "10", "--mini-batch-size", "3"]);
  assert.deepEqual([flags.code, flags.stderr], [
    1,
    "error: --batch-size 10 is not divisible by --mini-batch-size × " +
    "--gradient-accumulation-steps = 3 × 1 = 3: make it 9 or 12\n",
  ]);
  await withFolder(async (folder) => {
    const file = join(folder, "run.yaml");
    await Deno.writeTextFile(file, "batch_size: 10\nmini_batch_size: 4\n");
    const { stderr } = await call(["train", "--config", file, "--mini-batch-size", "3"]);
    assert.match(stderr, /^error: .*run.yaml: batch_size 10 is not divisible by --mini-batch-size/);
    await Deno.writeTextFile(file, "turbo: true\n");
    const turbo = await call(["train", "--config", file]);
    assert.match(turbo.stderr, /turbo is decided when the process starts: give --turbo on the/);
  });
});

Deno.test("hints name the command as it was called", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "config.json"), "{}");
    const args = ["train", "--output", folder];
    const { stderr } = await temper(args);
    const expected = `error: the folder ${folder} exists and is not empty: choose another ` +
      "--output, or delete it first; to resume the run: ";
    assert.equal(stderr, `${expected}deno run -A cli.ts train --resume ${folder}\n`);
    const packed = await temper(args, { env: { TEMPER_PROGRAM: "./temper 1" } });
    assert.equal(packed.stderr, `${expected}'./temper 1' train --resume ${folder}\n`);
    const help = await temper(["merge", "--help"], { env: { TEMPER_PROGRAM: "./temper-1" } });
    assert.match(help.stdout, /^ {4}\.\/temper-1 evaluate --model merged$/m);
  });
});
