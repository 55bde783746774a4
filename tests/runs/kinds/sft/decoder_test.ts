/** Supervised fine-tuning of decoder-only models, on datasets in TRL's formats. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { sft } from "../../../../lib/runs/loop/sft.ts";
import {
  resolveSftConfig,
  type SftRunConfigInput,
} from "../../../../lib/runs/settings/sft_config.ts";
import { withFolder } from "../../../cli/temper.ts";
import { ownCases } from "../../../golden_causal/folder.ts";
import { outcome } from "../../small_run.ts";

const MODEL = join(ownCases, "qwen2", "checkpoint");

const turn = (role: string, content: string) => ({ role, content });

/** Sums as conversations of two turns. */
const CHATS = Array.from({ length: 20 }, (_, i) => ({
  messages: [
    turn("user", `${i % 5} and ${i % 3}?`),
    turn("assistant", `${i % 5 + i % 3}`),
    turn("user", "Sure?"),
    turn("assistant", "Yes."),
  ],
}));

/** Runs four small steps on rows; returns what was said of the data, and the results. */
async function learn(
  folder: string,
  name: string,
  rows: readonly object[],
  settings: SftRunConfigInput = {},
) {
  const dataset = join(folder, `${name}.jsonl`);
  await Deno.writeTextFile(dataset, rows.map((row) => JSON.stringify(row)).join("\n"));
  const config = resolveSftConfig({
    model: MODEL,
    dataset,
    output: join(folder, name),
    steps: 4,
    batchSize: 2,
    learningRate: 1e-2,
    evalSamples: 3,
    evalMaxNewTokens: 4,
    threads: 1,
    device: "wasm",
    datasetCache: false,
    ...settings,
  });
  const said: string[] = [];
  const hooks = { info: (text: string) => void said.push(text) };
  return { ...await sft(config, hooks), said, config };
}

Deno.test("conversations are learnt whole, or the assistant's turns alone, whatever the loss counts", async () => {
  await withFolder(async (folder) => {
    const whole = await learn(folder, "whole", CHATS);
    const turns = await learn(folder, "turns", CHATS, { assistantOnlyLoss: true });
    for (const { summary } of [whole, turns]) {
      assert.ok(summary.loss.after < summary.loss.before);
      assert.ok(summary.rouge);
    }
    assert.notEqual(whole.summary.loss.before, turns.summary.loss.before);
    const samples = await Deno.readTextFile(join(folder, "turns", "summaries.jsonl"));
    const { query, reference } = JSON.parse(samples.split("\n")[0]);
    assert.match(query, /Sure\?<\|im_end\|>\n<\|im_start\|>assistant\n$/);
    assert.equal(reference, "Yes.");
  });
});

Deno.test("texts are learnt without prompts: the loss is all that is measured", async () => {
  await withFolder(async (folder) => {
    const rows = Array.from({ length: 10 }, (_, i) => ({ text: `Text number ${i}.` }));
    const { summary, trained } = await learn(folder, "texts", rows);
    assert.equal(summary.rouge, null);
    assert.ok(summary.loss.after < summary.loss.before);
    const card = await Deno.readTextFile(join(trained, "README.md"));
    assert.match(card, /On 2 examples .*: the loss \(nats a token\)\./);
    assert.doesNotMatch(card, /rouge/);
  });
});

Deno.test("rows with nothing to learn within the maximum length are left out, and counted", async () => {
  await withFolder(async (folder) => {
    const row = (prompt: string) => ({ prompt, completion: " yes" });
    const rows = Array.from({ length: 10 }, (_, i) => row(i === 3 ? "no ".repeat(60) : "Is it?"));
    const { said } = await learn(folder, "long", rows, { maxLength: 20 });
    const notice =
      "1 of 8 rows of the train split left out: nothing to learn among their first 20 tokens";
    assert.ok(said.includes(notice), said.join("\n"));
    await assert.rejects(
      learn(folder, "short", rows, { maxLength: 2 }),
      /no row of the train split has anything to learn among its first 2 tokens: raise `maxLength`/,
    );
  });
});

Deno.test("a template of one's own takes the place of the model's", async () => {
  await withFolder(async (folder) => {
    const chatTemplate = join(folder, "mine.jinja");
    await Deno.writeTextFile(
      chatTemplate,
      "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}" +
        "{% if add_generation_prompt %}<assistant>{% endif %}",
    );
    await learn(folder, "mine", CHATS, { chatTemplate, steps: 1 });
    const samples = await Deno.readTextFile(join(folder, "mine", "summaries.jsonl"));
    assert.match(JSON.parse(samples.split("\n")[0]).query, /^<user>.*<user>Sure\?\n<assistant>$/s);

    // A model that was trained whole takes it along.
    const { trained } = await learn(folder, "full", CHATS, { chatTemplate, steps: 1, full: true });
    assert.equal(
      await Deno.readTextFile(join(trained, "chat_template.jinja")),
      await Deno.readTextFile(chatTemplate),
    );
  });
});

Deno.test("a run on conversations that was stopped is resumed bit for bit", async () => {
  await withFolder(async (folder) => {
    const settings = { assistantOnlyLoss: true, saveEvery: 2, loraDropout: 0.1 };
    const { config } = await learn(folder, "whole", CHATS, settings);
    const controller = new AbortController();
    const cut = { ...config, output: join(folder, "cut") };
    await assert.rejects(sft(cut, {
      stepped: (step) => {
        if (step === 2) controller.abort();
      },
    }, { signal: controller.signal }));
    await sft(cut, {}, { resume: true });
    assert.deepEqual(await outcome(join(folder, "cut")), await outcome(join(folder, "whole")));
  });
});
