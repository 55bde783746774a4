import assert from "node:assert/strict";
import { join } from "node:path";
import { RunInterruptedError, SourceChangedError, UserError } from "../../../lib/errors.ts";
import { grpo } from "../../../lib/runs/kinds/grpo/kind.ts";
import { resumeRun } from "../../../lib/runs/kinds/run_config.ts";
import { locate } from "../../../lib/runs/loading/locate.ts";
import { run } from "../../../lib/runs/loop/run.ts";
import { resumeConfig, train, type TrainHooks } from "../../../lib/runs/loop/train.ts";
import { call, withFolder } from "../../cli/temper.ts";
import type { TrainConfigInput } from "../../../lib/runs/settings/config.ts";
import type { GrpoRunConfig } from "../../../lib/runs/settings/group_config.ts";
import { outcome, smallGroup, smallRun } from "../small_run.ts";

/** Runs without interruption, and again with one, and expects both to leave the same. */
async function expectSame(
  interrupt: (path: string) => Promise<void>,
  hooks: TrainHooks = {},
  given: TrainConfigInput = {},
): Promise<void> {
  await withFolder(async (folder) => {
    const [whole, cut] = ["whole", "cut"].map((name) => join(folder, name));
    await train(smallRun(whole));
    await interrupt(cut);
    await train(await resumeConfig(cut, given), hooks, { resume: true });
    assert.deepEqual(await outcome(cut), await outcome(whole));
  });
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for (const { name } of Deno.readDirSync(from)) {
    await Deno.copyFile(join(from, name), join(to, name));
  }
}

const crash = (at: number): TrainHooks => ({
  stepped(step) {
    if (step === at) throw new Error("crash");
  },
});

for (const step of [1, 3]) {
  Deno.test(`a run that crashed in step ${step} is resumed bit for bit`, async () => {
    const resumed: number[] = [];
    await expectSame(async (path) => {
      await assert.rejects(train(smallRun(path), crash(step)), /^Error: crash$/);
    }, { resumed: (from) => resumed.push(from) });
    assert.deepEqual(resumed, [step - 1]);
  });
}

Deno.test("a run that crashed in either measurement, with torn files, is resumed bit for bit", async () => {
  for (const when of ["before", "after"]) {
    await expectSame(async (path) => {
      const hooks: TrainHooks = {
        measured(moment) {
          if (moment === when) throw new Error("crash");
        },
      };
      await assert.rejects(train(smallRun(path), hooks), /^Error: crash$/);
      for (const name of ["metrics.jsonl", "samples.jsonl"]) {
        await Deno.writeTextFile(join(path, name), '{"step":5}\n{"st', { append: true });
      }
    });
  }
});

Deno.test("a run that was asked to stop saves a checkpoint and is resumed bit for bit", async () => {
  await expectSame(
    async (path) => {
      const controller = new AbortController();
      const hooks = { stepped: () => controller.abort() };
      await assert.rejects(
        train(smallRun(path, { keep: 1 }), hooks, { signal: controller.signal }),
        (error: Error) => {
          assert.ok(error instanceof RunInterruptedError, `${error.name}: ${error.message}`);
          assert.deepEqual([error.message, error.run], ["stopped after step 1 of 4", path]);
          return true;
        },
      );
      assert.ok(Deno.statSync(join(path, "checkpoint-1")).isDirectory);
    },
    {},
    { keep: 2 },
  );
});

Deno.test("broken checkpoints are skipped, with a line about each", async () => {
  const lines: string[] = [];
  await expectSame(
    async (path) => {
      await assert.rejects(train(smallRun(path, { saveEvery: 1, keep: 4 }), crash(4)), /crash/);
      const flipped = join(path, "checkpoint-3", "optimizer.safetensors");
      const bytes = await Deno.readFile(flipped);
      bytes[bytes.length - 1] ^= 1;
      await Deno.writeFile(flipped, bytes);
      await Deno.truncate(join(path, "checkpoint-2", "trainer_state.json"), 100);
      await Deno.remove(join(path, "checkpoint-1"), { recursive: true });
    },
    { info: (line) => lines.push(line) },
    { saveEvery: 2, keep: 2 },
  );
  assert.deepEqual(lines.filter((line) => line.includes("checkpoint")), [
    "checkpoint-3 is broken and left out: optimizer.safetensors is not what was saved",
    "checkpoint-2 is broken and left out: cannot read trainer_state.json: it is not JSON",
  ]);
});

Deno.test("a run can be given more steps, and no fewer than it has done", async () => {
  await withFolder(async (folder) => {
    const [long, short] = ["long", "short"].map((name) => join(folder, name));
    await train(smallRun(long));
    await train(smallRun(short, { steps: 2 }));
    const hooks: TrainHooks = { info: (line) => assert.doesNotMatch(line, /learning rate/) };
    await train(await resumeConfig(short, { steps: 4 }), hooks, { resume: true });
    assert.deepEqual(await outcome(short), await outcome(long));
    const { stdout } = await call(["train", "--resume", short, "--steps", "3"]);
    assert.equal(stdout, `${short} is finished: all 4 steps of this ppo run are done\n`);
    const fewer = await resumeConfig(short, { steps: 3 });
    await assert.rejects(
      train(fewer, {}, { resume: true }),
      /has done 4 steps, more than `steps` 3: give at least/,
    );
  });
});

Deno.test("more steps of a falling learning rate are a run of their own, which is said", async () => {
  await withFolder(async (folder) => {
    const output = join(folder, "run");
    await train(smallRun(output, { steps: 1, lrScheduler: "linear" }));
    const lines: string[] = [];
    const hooks = { info: (line: string) => void lines.push(line) };
    await train(await resumeConfig(output, { steps: 2 }), hooks, { resume: true });
    assert.deepEqual(lines.filter((line) => line.includes("learning rate")), [
      "the linear learning rate now ends with step 2, no longer with step 1: the result is not " +
      "that of a run with 2 steps from the start",
    ]);
  });
});

Deno.test("settings that change no number may differ when a run is resumed", async () => {
  await withFolder(async (folder) => {
    const [whole, cut] = ["whole", "cut"].map((name) => join(folder, name));
    await train(smallRun(whole));
    await assert.rejects(train(smallRun(cut), crash(3)), /^Error: crash$/);
    const given = { activationMemory: 0, profile: false, autotune: false, threads: 2 };
    await train(await resumeConfig(cut, given), {}, { resume: true });
    assert.deepEqual(await outcome(cut), await outcome(whole));
  });
});

Deno.test("settings that may not change are named", async () => {
  await withFolder(async (folder) => {
    const run = join(folder, "run");
    await assert.rejects(resumeConfig(run, {}), UserError);
    await train(smallRun(run, { steps: 1 }));
    const same = await resumeConfig(run, { seed: 0, steps: 7, threads: 2, output: run });
    assert.deepEqual([same.steps, same.threads, same.output], [7, 2, run]);
    await assert.rejects(
      resumeConfig(run, { seed: 1, learningRate: 0.1, output: "elsewhere" }),
      /these differ: `seed` \(0, not 1\), `learningRate` \(0.0004, not 0.1\), `output` \(.*run\):/,
    );
  });
});

Deno.test("a model that has moved is taken from where it is now, another one is refused", async () => {
  await withFolder(async (folder) => {
    const [whole, cut, moved] = ["whole", "cut", "moved"].map((name) => join(folder, name));
    await copyFolder(await locate("model", "demo/tiny-flan-t5", {}), moved);
    await train(smallRun(whole));
    await assert.rejects(train(smallRun(cut), crash(3)), /^Error: crash$/);
    const config = await resumeConfig(cut, { model: moved });
    await train(config, {}, { resume: true });
    const [found, expected] = [await outcome(cut), await outcome(whole)];
    // Files that name the model have its new place.
    for (const name of ["adapter/adapter_model.safetensors", "metrics.jsonl", "samples.jsonl"]) {
      assert.ok(expected[name] !== undefined, name);
      assert.deepEqual(found[name], expected[name], name);
    }
    await Deno.writeTextFile(join(moved, "generation_config.json"), "{}");
    await assert.rejects(
      train(await resumeConfig(cut, { model: moved }), {}, { resume: true }),
      (error) =>
        error instanceof SourceChangedError && /^the model has changed/.test(error.message),
    );
    // Nothing would tell another model.
    await Deno.remove(join(cut, "environment.json"));
    await assert.rejects(resumeConfig(cut, { model: whole }), /these differ: `model` \(/);
  });
});

Deno.test("a reward that has changed is refused, a toxicity model, too", async () => {
  await withFolder(async (folder) => {
    const classifier = join(folder, "classifier");
    await copyFolder(await locate("model", "demo/tiny-roberta-toxicity", {}), classifier);
    const script = join(folder, "reward.ts");
    const text = "export default (samples: unknown[]) => samples.map(() => 1);\n";
    await Deno.writeTextFile(script, text);
    const run = join(folder, "run");
    await train(
      smallRun(run, { reward: [script, classifier], toxicityModel: classifier, steps: 1 }),
    );
    const config = join(classifier, "config.json");
    const was = await Deno.readTextFile(config);
    const changes: [string, string, RegExp][] = [
      [
        script,
        text + "// louder\n",
        /the reward .*reward\.ts has changed since the run started: put/,
      ],
      [config, was + "\n", /the reward .*classifier has changed since the run started: put/],
    ];
    for (const [path, changed, message] of changes) {
      const before = await Deno.readTextFile(path);
      await Deno.writeTextFile(path, changed);
      await assert.rejects(
        train(await resumeConfig(run, { steps: 2 }), {}, { resume: true }),
        { name: "SourceChangedError", message },
      );
      await Deno.writeTextFile(path, before);
    }
    await train(await resumeConfig(run, { steps: 2 }), {}, { resume: true });
    const [{ fingerprints }] = JSON.parse(await Deno.readTextFile(join(run, "environment.json")));
    assert.deepEqual(Object.keys(fingerprints), [
      "model",
      "dataset",
      `reward ${script}`,
      `reward ${classifier}`,
      "toxicity model",
    ]);
  });
});

Deno.test("a chat template that has changed is refused, and one that is gone", async () => {
  await withFolder(async (folder) => {
    const model = join(folder, "model");
    await copyFolder(await locate("model", "demo/tiny-chat", {}), model);
    const template = join(model, "chat_template.jinja");
    const text = "{% for message in messages %}{{ message.content }}\n{% endfor %}";
    await Deno.writeTextFile(template, text);
    const output = join(folder, "run");
    const chat = { model, dataset: "demo/additions", reward: ["number"] };
    const settings = smallGroup(output, { ...chat, steps: 1, evalEvery: 0 });
    await run(grpo, grpo.resolve(settings));
    const refused = async () => {
      const { config } = await resumeRun(output, { steps: 2 });
      await assert.rejects(run(grpo, config as GrpoRunConfig, {}, { resume: true }), {
        name: "SourceChangedError",
        message: /^the chat template has changed since the run started: put it back/,
      });
    };
    await Deno.writeTextFile(template, text + "!");
    await refused();
    await Deno.remove(template);
    await refused();
  });
});

Deno.test("a data set that has changed is refused", async () => {
  await withFolder(async (folder) => {
    const dataset = join(folder, "data.csv");
    const row = (name: string) => `"#Person1#: Hello, ${name}.",hi\n`;
    const text = "dialogue,summary\n" + ["Ann", "Bob", "Cid", "Dan", "Eve"].map(row).join("");
    await Deno.writeTextFile(dataset, text);
    const run = join(folder, "run");
    await train(smallRun(run, { dataset, inputMinTextLength: 1, steps: 1 }));
    await Deno.writeTextFile(dataset, text + row("Fay"));
    const more = await resumeConfig(run, { steps: 2 });
    await assert.rejects(train(more, {}, { resume: true }), /the dataset has changed since/);
  });
});
