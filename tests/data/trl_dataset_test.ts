import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ChatTemplate } from "../../lib/data/chat_template.ts";
import { type DatasetOptions, type DatasetSplit, loadDataset } from "../../lib/data/dataset.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import type { SequenceOptions } from "../../lib/data/training_sequences.ts";
import { ownCases } from "../golden_causal/folder.ts";
import { withTempDir } from "../temp_dir.ts";

const QWEN2 = join(ownCases, "tokenizers", "qwen2");
const tokenizer = await Tokenizer.load(QWEN2);

const CHATML = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n" +
  "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
const MARKED = CHATML.replace(
  "{{ m.content }}<|im_end|>\n",
  "{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}\n\n" +
    "{% else %}{{ m.content }}<|im_end|>\n{% endif %}",
);

const OPTIONS: SequenceOptions = {
  maxLength: 1024,
  completionOnlyLoss: true,
  assistantOnlyLoss: false,
};

const turn = (role: string, content: string) => ({ role, content });

/** Loads the train split of some rows. */
async function withRows(
  rows: readonly object[],
  use: (split: DatasetSplit) => void | Promise<void>,
  { source = CHATML, ...options }: DatasetOptions & { source?: string } = {},
  name = "rows.jsonl",
): Promise<void> {
  const template = await ChatTemplate.of(source);
  await withTempDir(async (dir) => {
    const path = join(dir, name);
    // The last row is the test split.
    const all = [...rows, rows[0]];
    await Deno.writeTextFile(
      path,
      name.endsWith(".json")
        ? JSON.stringify(all)
        : all.map((row) => JSON.stringify(row)).join("\n"),
    );
    await use((await loadDataset(path, tokenizer, { template, ...options })).split("train"));
  }).finally(() => template.close());
}

/** Texts of what a sequence reads first, and of what it learns; what is between is in brackets. */
function parts(split: DatasetSplit, row: number, options: Partial<SequenceOptions> = {}): string[] {
  const { inputIds, labels, counted } = split.sequences({ ...OPTIONS, ...options }).sequence(row);
  let [text, end] = ["", 0];
  for (const [from, to] of counted) {
    if (from > end) text += `[${tokenizer.decode(labels.slice(end, from))}]`;
    text += tokenizer.decode(labels.slice(from, to));
    end = to;
  }
  assert.equal(end, labels.length);
  return [tokenizer.decode(inputIds), text];
}

Deno.test("prompt and completion as texts: the completion is learnt, with the end token", async () => {
  const rows = [
    { prompt: "The sky is", completion: " blue." },
    { prompt: "Two is", completion: " even.<|im_end|>" },
  ];
  for (const name of ["rows.jsonl", "rows.json"]) {
    await withRows(
      rows,
      (split) => {
        assert.equal(split.example(0).query, "The sky is");
        assert.equal(split.example(0).summary, " blue.");
        assert.deepEqual(split.labels(8).ids(0), tokenizer.encode(" blue."));
        assert.deepEqual(parts(split, 0), ["The sky is", " blue.<|im_end|>"]);
        assert.deepEqual(parts(split, 1), ["Two is", " even.<|im_end|>"]);
        const [read, learnt] = parts(split, 0, { completionOnlyLoss: false });
        assert.equal(read + learnt, "The sky is blue.<|im_end|>");
        assert.equal(tokenizer.encode(read).length, 1);
      },
      {},
      name,
    );
  }
});

Deno.test("prompt and completion as conversations: the template says where the answer is", async () => {
  const rows = [{
    prompt: [turn("user", "One?")],
    completion: [turn("assistant", "1")],
  }];
  await withRows(rows, (split) => {
    const prompt = "<|im_start|>user\nOne?<|im_end|>\n<|im_start|>assistant\n";
    assert.equal(split.example(0).query, prompt);
    assert.equal(split.example(0).summary, "1");
    assert.deepEqual(parts(split, 0), [prompt, "1<|im_end|>\n"]);
    assert.deepEqual(parts(split, 0, { assistantOnlyLoss: true }), [prompt, "1<|im_end|>\n"]);
  });
});

Deno.test("messages: everything is learnt, or what the assistant says", async () => {
  const rows = [{
    messages: [
      turn("system", "Be brief."),
      turn("user", "One?"),
      turn("assistant", "1"),
      turn("user", "Café?"),
      turn("assistant", "2 é"),
    ],
  }];
  const start = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nOne?<|im_end|>\n" +
    "<|im_start|>assistant\n";
  const between = "<|im_start|>user\nCafé?<|im_end|>\n<|im_start|>assistant\n";
  await withRows(rows, (split) => {
    assert.equal(split.example(0).query, `${start}1<|im_end|>\n${between}`);
    assert.equal(split.example(0).summary, "2 é");
    const whole = `${start}1<|im_end|>\n${between}2 é<|im_end|>\n`;
    assert.deepEqual(parts(split, 0), ["<|im_start|>", whole.slice("<|im_start|>".length)]);
    assert.deepEqual(parts(split, 0, { assistantOnlyLoss: true }), [
      start,
      `1<|im_end|>\n[${between}]2 é<|im_end|>\n`,
    ]);
  });
  await withRows(rows, (split) => {
    assert.deepEqual(parts(split, 0, { assistantOnlyLoss: true }), [
      start,
      `1<|im_end|>[\n${between}]2 é<|im_end|>`,
    ]);
  }, { source: MARKED });
});

Deno.test("a template that shortens earlier turns is followed to their ends", async () => {
  const source =
    "{% for m in messages %}<{{ m.role }}>{% if loop.last and m.role == 'assistant' %}" +
    "[think]{% endif %}{{ m.content }}<|im_end|>{% endfor %}" +
    "{% if add_generation_prompt %}<assistant>{% endif %}";
  const rows = [{
    messages: [
      turn("user", "a"),
      turn("assistant", "b"),
      turn("user", "c"),
      turn("assistant", "d"),
    ],
  }];
  await withRows(rows, (split) => {
    assert.deepEqual(parts(split, 0, { assistantOnlyLoss: true }), [
      "<user>a<|im_end|><assistant>",
      "b<|im_end|>[<user>c<|im_end|><assistant>][think]d<|im_end|>",
    ]);
  }, { source });
  const fickle = source.replace("<{{ m.role }}>", "<{{ m.role }}{{ messages|length }}>");
  await withRows(rows, (split) => {
    assert.throws(
      () => split.sequences({ ...OPTIONS, assistantOnlyLoss: true }).learnable(),
      /writes the assistant's turns in different ways: give one that marks them/,
    );
  }, { source: fickle });
});

Deno.test("texts are learnt as a whole, and are no prompts", async () => {
  await withRows([{ text: "Once upon a time." }], (split) => {
    const [read, learnt] = parts(split, 0);
    assert.equal(read + learnt, "Once upon a time.<|im_end|>");
    assert.equal(split.hasPrompts, false);
    assert.throws(() => split.prompts, /has texts to learn, but no prompts/);
    assert.throws(
      () => split.sequences({ ...OPTIONS, assistantOnlyLoss: true }),
      /`assistantOnlyLoss` needs conversations/,
    );
  });
});

Deno.test("what is too long is cut at its end; rows with nothing left to learn are found", async () => {
  const rows = [
    { prompt: "The sky is", completion: " blue." },
    { prompt: "word ".repeat(40), completion: "x" },
  ];
  await withRows(rows, (split) => {
    const length = tokenizer.encode("The sky is blue").length;
    const sequences = split.sequences({ ...OPTIONS, maxLength: length });
    assert.deepEqual(sequences.learnable(), [0]);
    const { inputIds, labels } = sequences.sequence(0);
    assert.equal(tokenizer.decode([...inputIds, ...labels]), "The sky is blue");
  });
});

Deno.test("prompts alone, preferences and other forms of conversations are prompts", async () => {
  const user = [turn("user", "Which?")];
  const prompt = "<|im_start|>user\nWhich?<|im_end|>\n<|im_start|>assistant\n";
  for (
    const row of [
      { prompt: user },
      { chosen: [...user, turn("assistant", "a")], rejected: [...user, turn("assistant", "b")] },
      { conversations: [{ from: "human", value: "Which?" }, { from: "gpt", value: "a" }] },
      { prompt: JSON.stringify(user) },
    ]
  ) {
    await withRows([row], (split) => assert.equal(split.example(0).query, prompt));
  }
  await withRows([{ prompt: user }], (split) => {
    assert.throws(() => split.sequences(OPTIONS), /has prompts, but no responses to learn/);
  });
});

Deno.test("cells of CSV may be conversations, tools and variables as JSON", async () => {
  const source = "{{ tools | length }} {{ tools[0].name }} {{ mood }}|" + CHATML;
  const rows = [
    { from: "human", value: "Hi" },
    { role: "user", content: "Hi" },
  ].map((said) => ({
    messages: ` [ ${JSON.stringify(said)}, ${JSON.stringify(turn("assistant", "Ho"))} ]`,
    tools: JSON.stringify([{ name: "clock" }]),
    chat_template_kwargs: '{"mood": "calm"}',
  }));
  const mixed = rows[0].messages.replace('"role":"assistant","content"', '"from":"gpt","value"');
  await withRows([{ ...rows[0], messages: mixed }, rows[1]], (split) => {
    for (const row of [0, 1]) {
      assert.equal(
        split.example(row).query,
        "1 clock calm|<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
      );
    }
  }, { source });
  // CSV has no other way to say that there are none.
  await withRows([{ ...rows[1], tools: "", chat_template_kwargs: "" }], (split) => {
    assert.match(split.example(0).query, /^0 {2}\|<\|im_start\|>user/);
  }, {
    source: source.replace("tools | length", "(tools or []) | length").replace(
      "tools[0].name",
      "''",
    ),
  });
});

Deno.test("cells that a template cannot read are refused with their row", async () => {
  const refused = (rows: object[], message: RegExp) =>
    assert.rejects(withRows(rows, () => {}), { name: "UserError", message });
  const messages = [turn("user", "a"), turn("assistant", "b")];
  await refused([{ messages, tools: "clock" }], /row 1: "tools" is "clock", expected a list/);
  await refused([{ messages }, { messages, tools: { a: 1 } }], /row 2: "tools" is {"a":1}, exp/);
  for (const chat_template_kwargs of ["x", [1], 3]) {
    await refused(
      [{ messages, chat_template_kwargs }],
      /row 1: "chat_template_kwargs" is .*, expected an object/,
    );
  }
  const printed = "[{'role': 'user', 'content': 'a'}]";
  const problem = /" is a conversation as Python prints it: save it as JSON, or the table as JSONL/;
  await refused([{ messages: printed }], problem);
  await refused([{ prompt: printed }], problem);
  await refused([{ chosen: "a b", rejected: printed, prompt: "a" }], problem);
  await refused([{ text: printed }], problem);
});

Deno.test("rows of another form than the first are refused with their number", async () => {
  const refused = (rows: object[], message: RegExp, options: DatasetOptions = {}) =>
    assert.rejects(withRows(rows, () => {}, options), { name: "UserError", message });
  const chat = { prompt: [turn("user", "a")], completion: [turn("assistant", "b")] };
  await refused(
    [chat, { prompt: "a", completion: "b" }],
    /row 2: "prompt" is "a", expected a list/,
  );
  const pair = { chosen: "a b", rejected: "a c" };
  for (const chosen of [[turn("user", "a")], 3, null]) {
    await refused([pair, { chosen, rejected: "a c" }], /row 2: "chosen" is .*, expected a text/);
  }
  await refused(
    [{ prompt: "a", completion: "b" }, chat],
    /row 2: "prompt" is .* as in the first row/,
  );
  await refused([{ prompt: "a" }, { prompt: "" }], /row 2: the prompt is empty/);
  await refused([{ text: "a" }, { text: null }], /row 2: "text" is null, expected a text/);
  await refused([{ messages: [] }], /row 1: "messages" is \[\], expected/);
  for (const messages of ["a", [{ content: "a" }]]) {
    await refused([{ messages }], /row 1: "messages" is .*, expected a list of messages/);
  }
  const said = { from: "human", value: "a" };
  await refused(
    [{ conversations: [said] }, { conversations: [said, null] }],
    /row 2: "messages" is .*, expected a list of messages/,
  );
  await refused([chat], /has conversations: turning them into text needs a chat template/, {
    template: null,
  });
  await assert.rejects(
    withRows([{ prompt: [turn("system", "a")] }], (split) => void split.prompts),
    /row 1: the last message of a prompt has the role "system"/,
  );
});

Deno.test("a table with the dialogues' column has dialogues, whatever else it has", async () => {
  const row = { dialogue: "Hello there.", summary: "Greeting.", text: "t", prompt: "p" };
  const options = { inputMinTextLength: 0, prompt: "Sum up: {dialogue}\n" };
  await withRows([row], (split) => {
    assert.equal(split.example(0).query, "Sum up: Hello there.\n");
    assert.deepEqual(parts(split, 0), ["Sum up: Hello there.\n", "Greeting.<|im_end|>"]);
  }, options);
  await assert.rejects(
    withRows([{ text: "t" }], () => {}, { dialogueColumn: "article" }),
    /has no column "article"/,
  );
});

Deno.test("conversations in Parquet: nested lists, written by pyarrow", async () => {
  const path = fileURLToPath(new URL("./chat.parquet", import.meta.url));
  const template = await ChatTemplate.of(CHATML);
  const dataset = await loadDataset(path, tokenizer, { template });
  const { query, summary, columns } = dataset.split("train").example(2);
  assert.equal(
    query,
    "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nSay 2.<|im_end|>\n" +
      "<|im_start|>assistant\n",
  );
  assert.equal(summary, "2");
  assert.deepEqual(columns.n, [2, 2 ** 40]);
  template.close();
});
