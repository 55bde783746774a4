import assert from "node:assert/strict";
import { join } from "node:path";
import { ChatTemplate } from "../../lib/data/chat_template.ts";
import { type DatasetSplit, loadDataset } from "../../lib/data/dataset.ts";
import { TokenCache } from "../../lib/data/token_cache.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { goldenCausalDir, readCase } from "../golden_causal/folder.ts";
import { withTempDir } from "../temp_dir.ts";

const QWEN2 = join(goldenCausalDir, "tokenizers", "qwen2");
const tokenizer = await Tokenizer.load(QWEN2);
const END = tokenizer.eosTokenId!;

/** Loads the train split of some rows. */
async function withRows(
  rows: readonly object[],
  use: (split: DatasetSplit) => void | Promise<void>,
  cache: TokenCache | null = null,
): Promise<void> {
  await withTempDir(async (dir) => {
    const path = join(dir, "rows.jsonl");
    // The last row is the test split.
    await Deno.writeTextFile(path, [...rows, rows[0]].map((row) => JSON.stringify(row)).join("\n"));
    const template = await ChatTemplate.load(QWEN2);
    const dataset = await loadDataset(path, tokenizer, { template, cache });
    await use(dataset.split("train"));
    template.close();
  });
}

const ids = (text: string) => tokenizer.encode(text, { addSpecialTokens: false });
const message = (role: string, content: string) => ({ role, content });

Deno.test("pairs have the tokens of TRL's DPOTrainer, for each of TRL's formats", async (t) => {
  type Ids = Record<string, number[]>;
  const { trl } = readCase<{ trl: { example: object; qwen2: { ids?: Ids } }[] }>(
    "tokenizers",
    "chat.json",
  );
  const preferences = trl.filter(({ qwen2 }) => qwen2.ids?.rejected_input_ids !== undefined);
  assert.ok(preferences.length >= 4);
  for (const [i, { example, qwen2 }] of preferences.entries()) {
    await t.step(`case ${i}`, () =>
      withRows([example], (split) => {
        const { prompt, chosen, rejected } = split.pairs().tokens(0);
        assert.deepEqual(prompt, qwen2.ids!.prompt_input_ids);
        assert.deepEqual(chosen, qwen2.ids!.chosen_input_ids);
        assert.deepEqual(rejected, qwen2.ids!.rejected_input_ids);
      }));
  }
});

Deno.test("an answer that ends with the end token gets no second one", () =>
  withRows([{ prompt: "A", chosen: " b<|im_end|>", rejected: " c" }], (split) => {
    const { chosen, rejected } = split.pairs().tokens(0);
    assert.deepEqual(chosen, [...ids(" b"), END]);
    assert.deepEqual(rejected, [...ids(" c"), END]);
  }));

Deno.test("pairs without a preference are left out, and their numbers are known", () =>
  withRows([
    { prompt: "A", chosen: "same", rejected: "same" },
    { prompt: "A", chosen: " ", rejected: "b" },
    { prompt: "", chosen: "a", rejected: "b" },
    { prompt: "A", chosen: "good", rejected: "bad", source: "kept" },
  ], (split) => {
    const pairs = split.pairs();
    assert.equal(pairs.length, 1);
    assert.deepEqual(pairs.texts(0), { prompt: "A", chosen: "good", rejected: "bad" });
    assert.equal(pairs.columns(0).source, "kept");
    assert.deepEqual(pairs.leftOut, {
      "both answers are the same": 1,
      "an answer is empty": 1,
      "there is no prompt": 1,
    });
    assert.equal(split.pairs(false).length, 2);
    assert.equal(split.answers().length, 2);
  }));

Deno.test("conversations that begin differently have no prompt; a classifier reads them whole", () =>
  withRows([{
    chosen: [message("user", "One?"), message("assistant", "1")],
    rejected: [message("user", "Two?"), message("assistant", "1")],
  }, {
    chosen: [message("user", "One?"), message("assistant", "1")],
    rejected: [message("user", "One?"), message("assistant", "2")],
  }], (split) => {
    assert.deepEqual(split.pairs().leftOut, { "chosen and rejected have no prompt in common": 1 });
    const pairs = split.pairs(false);
    assert.equal(pairs.length, 2);
    const whole = (question: string, answer: string) =>
      `<|im_start|>user\n${question}<|im_end|>\n<|im_start|>assistant\n${answer}<|im_end|>\n`;
    assert.equal(pairs.wholes("rejected").text(0), whole("Two?", "1"));
    assert.equal(pairs.wholes("rejected").text(1), whole("One?", "2"));
    assert.deepEqual(pairs.wholes("chosen").ids(1), ids(whole("One?", "1")));
  }));

Deno.test("pairs are taken apart into a liked and a disliked answer", () =>
  withRows([{ prompt: "A", chosen: " b", rejected: " c" }], (split) => {
    const answers = split.answers();
    assert.equal(answers.length, 2);
    assert.deepEqual(answers.texts(0), { prompt: "A", completion: " b", label: true });
    assert.deepEqual(answers.tokens(1), {
      prompt: ids("A"),
      completion: [...ids(" c"), END],
      label: false,
    });
  }));

Deno.test("answers with labels, as texts and as conversations", async () => {
  await withRows([
    { prompt: "A", completion: " b", label: true },
    { prompt: "A", completion: "", label: true },
    { prompt: "A", completion: " c", label: "False" },
  ], (split) => {
    const answers = split.answers();
    assert.deepEqual(answers.leftOut, { "the answer is empty": 1 });
    assert.deepEqual(answers.texts(1), { prompt: "A", completion: " c", label: false });
    assert.deepEqual(answers.tokens(0).completion, [...ids(" b"), END]);
  });
  const row = {
    prompt: [message("user", "One?")],
    completion: [message("assistant", "1")],
    label: true,
  };
  await withRows([row], (split) => {
    assert.equal(split.answers().texts(0).completion, "1<|im_end|>\n");
  });
});

Deno.test("rows that are no preferences are refused in one line", async () => {
  const refused = (rows: object[], read: (split: DatasetSplit) => unknown, message: RegExp) =>
    assert.rejects(withRows(rows, (split) => void read(split)), { name: "UserError", message });
  const pairs = (split: DatasetSplit) => split.pairs();
  const answers = (split: DatasetSplit) => split.answers();
  await refused([{ prompt: "A", chosen: "b" }], pairs, /expected columns "chosen" and "rejected"/);
  await refused([{ prompt: "A", completion: "b" }], answers, /"prompt", "completion" and "label"/);
  for (const label of [1, "good", null]) {
    const row = { prompt: "A", completion: "b", label };
    await refused([row], answers, /row 1: "label" is .*, expected true or false$/);
  }
  await refused([{ prompt: "A", chosen: "b", rejected: 3 }], pairs, /row 1: "rejected" is 3/);
  await refused(
    [{ prompt: "A", chosen: "b", rejected: "b" }],
    pairs,
    /: no row of the train split has a preference; left out: 1 \(both answers are the same\)/,
  );
});

Deno.test("tokens of pairs are cached as prompts are", async () => {
  await withTempDir(async (folder) => {
    const rows = [{ prompt: "A", chosen: " b", rejected: " c" }];
    const read = async () => {
      const cache = new TokenCache({ folder });
      await withRows(rows, (split) => void split.pairs().tokens(0), cache);
      await cache.save();
      return cache.notices().join("\n");
    };
    await read();
    assert.match(
      await read(),
      /1 of 1 train prompts, 1 of 1 train chosen answers, 1 of 1 train rej/,
    );
  });
});
