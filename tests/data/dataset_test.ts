import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadDataset } from "../../lib/data/dataset.ts";
import { DEFAULT_PROMPT } from "../../lib/data/dialogue_format.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { loadCase } from "../golden/cases.ts";
import { withTempDir } from "../temp_dir.ts";

const asset = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const tokenizer = await Tokenizer.load(asset("demo/tiny-flan-t5"));

/** JSONL of dialogues with these numbers of characters. */
const dialogues = (lengths: number[]) =>
  lengths.map((n, i) => JSON.stringify({ dialogue: "a".repeat(n), summary: `s${i}` })).join("\n");

Deno.test("the demo's splits are printed as the notebook prints its own", async () => {
  const dataset = await loadDataset(asset("demo/dialogues"), tokenizer);
  const split = (name: string, rows: number) =>
    `    ${name}: Dataset({\n` +
    "        features: ['id', 'dialogue', 'summary', 'topic', 'input_ids', 'query'],\n" +
    `        num_rows: ${rows}\n    })\n`;
  assert.equal(
    dataset.describe(),
    `DatasetDict({\n${split("train", 1600)}${split("validation", 100)}${split("test", 400)}})`,
  );
});

Deno.test("a row becomes a prompt, its ids and the text of the ids", async () => {
  const train = (await loadDataset(asset("demo/dialogues"), tokenizer)).split("train");
  const { id, query, inputIds, summary } = train.example(0);
  assert.equal(id, "train_0");
  assert.match(query, /^Summarize the following conversation\. #Person1#: Hello, Karen\. .*<\/s>$/);
  assert.equal(query, tokenizer.decode(inputIds));
  assert.match(summary, /^Karen tells #Person1#/);
  assert.equal(train.example(0), train.example(0));
  const { columns } = train.example(0);
  assert.deepEqual(Object.keys(columns), ["id", "dialogue", "summary", "topic"]);
  assert.deepEqual([columns.id, columns.summary], [id, summary]);
});

Deno.test("the default prompt is the reference's", async () => {
  const [{ text, t5 }] = loadCase<{ text: string; t5: number[] }[]>("tokenizers").json;
  const [before, after] = DEFAULT_PROMPT.split("{dialogue}");
  const dialogue = text.slice(before.length, text.length - after.length);
  await withTempDir(async (dir) => {
    const path = join(dir, "test.jsonl");
    Deno.writeTextFileSync(path, JSON.stringify({ dialogue, summary: "" }));
    const test = (await loadDataset(dir, tokenizer)).split("test");
    assert.equal(before + dialogue + after, text);
    assert.deepEqual(test.example(0).inputIds, t5);
  });
});

Deno.test("columns and prompt of one's own; $ in a dialogue stays", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "mine.csv");
    Deno.writeTextFileSync(path, "talk,gist\nIt costs $& 1.,cost\nb,bb\n");
    const options = {
      dialogueColumn: "talk",
      summaryColumn: "gist",
      inputMinTextLength: 0,
      prompt: "{dialogue} TL;DR",
    };
    const { id, inputIds, summary } = (await loadDataset(path, tokenizer, options)).split("train")
      .example(0);
    assert.equal(id, "0");
    assert.equal(summary, "cost");
    assert.deepEqual(inputIds, tokenizer.encode("It costs $& 1. TL;DR"));
    await assert.rejects(
      loadDataset(path, tokenizer, { prompt: "Summarize." }),
      { name: "UserError", message: /"Summarize\." has no \{dialogue\}/ },
    );
  });
});

Deno.test("DialogSum's original files: fname, and the first of three summaries", async () => {
  await withTempDir(async (dir) => {
    const row = { fname: "test_0", dialogue: "a b", summary1: "first", summary2: "second" };
    Deno.writeTextFileSync(join(dir, "test.jsonl"), JSON.stringify(row));
    Deno.writeTextFileSync(join(dir, "dev.jsonl"), JSON.stringify({ ...row, fname: "dev_0" }));
    const dataset = await loadDataset(dir, tokenizer, { inputMinTextLength: 0 });
    assert.deepEqual([...dataset.splits.keys()], ["validation", "test"]);
    const { id, summary } = dataset.split("test").example(0);
    assert.deepEqual([id, summary], ["test_0", "first"]);
    assert.throws(
      () => dataset.split("train"),
      { name: "UserError", message: /has no train split, only validation, test/ },
    );
  });
});

Deno.test("a row's id is the file's, as a text; one without an id has its number", async () => {
  await withTempDir(async (dir) => {
    const rows = [{ id: 7 }, { id: "a" }, { id: ["b", 1] }, { id: null }, {}, { fname: "c" }];
    const lines = rows.map((row) => JSON.stringify({ ...row, dialogue: "a b" }));
    Deno.writeTextFileSync(join(dir, "test.jsonl"), lines.join("\n"));
    const test = (await loadDataset(dir, tokenizer, { inputMinTextLength: 0 })).split("test");
    const ids = rows.map((_, i) => test.example(i).id);
    assert.deepEqual(ids, ["7", "a", '["b",1]', "3", "4", "c"]);
  });
});

Deno.test("the filter: more characters than the minimum, at most the maximum, in code points", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "test.jsonl");
    const emoji = JSON.stringify({ dialogue: "😀".repeat(1000), summary: "emoji" });
    Deno.writeTextFileSync(path, dialogues([200, 201, 1000, 1001]) + "\n" + emoji);
    const test = (await loadDataset(dir, tokenizer)).split("test");
    const summaries = Array.from({ length: test.length }, (_, i) => test.example(i).summary);
    assert.deepEqual(summaries, ["s1", "s2", "emoji"]);
  });
});

Deno.test("one file is split 80/20 in order, as datasets' train_test_split computes it", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "train.jsonl");
    // 10022 are the rows of DialogSum that the notebook's filter keeps.
    for (const [count, train, test] of [[10022, 8017, 2005], [11, 8, 3], [2, 1, 1]]) {
      Deno.writeTextFileSync(path, dialogues(new Array(count).fill(3)));
      for (const source of [path, dir]) {
        const dataset = await loadDataset(source, tokenizer, { inputMinTextLength: 0 });
        assert.equal(dataset.split("train").length, train);
        assert.equal(dataset.split("test").length, test);
        assert.equal(dataset.split("test").example(0).summary, `s${train}`);
      }
    }
  });
});

Deno.test("what is missing or empty is said", async () => {
  await withTempDir(async (dir) => {
    const refused = (message: RegExp) =>
      assert.rejects(loadDataset(dir, tokenizer), { name: "UserError", message });
    const train = join(dir, "train.jsonl");
    await refused(
      /has no train, validation or test file \(\.csv, \.json, \.jsonl, \.parquet\), only nothing/,
    );
    Deno.writeTextFileSync(train, dialogues([10, 2000]));
    await refused(/train\.jsonl has no dialogue of more than 200 .* 1000 characters among its 2 r/);
    Deno.writeTextFileSync(train, dialogues([300]));
    await refused(/train\.jsonl leaves 1 row after the filter/);
    Deno.writeTextFileSync(train, '{"title": "a", "topic": "b"}');
    await refused(
      /train\.jsonl has no column "dialogue": name one of .* with `dialogueColumn`: "title", "topic"$/,
    );
    Deno.writeTextFileSync(train, dialogues([300]) + '\n{"dialogue": 3}');
    await refused(/train\.jsonl, row 2: "dialogue" is 3, expected a text/);
    Deno.writeTextFileSync(join(dir, "train.csv"), "");
    await refused(/has several train files: train\.csv, train\.jsonl/);
    await assert.rejects(
      loadDataset(join(dir, "none"), tokenizer),
      { name: "UserError", message: /cannot read the dataset .*none: it does not exist/ },
    );
  });
});

Deno.test("prompts need no references; labels do, and say which row has none", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "mine.jsonl");
    const load = async (rows: object[], summaryColumn = "summary") => {
      Deno.writeTextFileSync(path, rows.map((row) => JSON.stringify(row)).join("\n"));
      return await loadDataset(path, tokenizer, { inputMinTextLength: 0, summaryColumn });
    };
    const texts = [{ dialogue: "a" }, { dialogue: "b" }];
    const without = await load(texts);
    assert.equal(without.split("train").example(0).summary, "");
    assert.throws(() => without.split("train").labels(8), {
      name: "UserError",
      message: `${path} has no column "summary": name one of its columns with \`summaryColumn\`: ` +
        '"dialogue"',
    });
    for (const label of [null, 0, ["x"]]) {
      const data = await load(texts.map((row) => ({ ...row, label })), "label");
      assert.equal(data.split("test").example(0).summary, "");
      assert.throws(() => data.split("test").labels(8), {
        name: "UserError",
        message: `${path}, row 2: "label" is ${JSON.stringify(label)}, expected a text`,
      });
    }
    const one = await load([{ dialogue: "a", summary: "s" }, ...texts, ...texts]);
    assert.equal(one.split("train").example(0).summary, "s");
    assert.throws(() => one.split("train").labels(8), { message: /row 2: "summary" is missing/ });
  });
});

Deno.test("rows that the length filter leaves out are counted", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "train.jsonl");
    Deno.writeTextFileSync(path, dialogues([10, 300, 2000, 400, 500]));
    const { filterNotice } = await loadDataset(path, tokenizer);
    assert.equal(
      filterNotice,
      "2 of 5 rows left out: their texts are not of 200 to 1000 characters",
    );
    const all = { inputMinTextLength: 0, inputMaxTextLength: 5000 };
    assert.equal((await loadDataset(path, tokenizer, all)).filterNotice, null);
  });
});

Deno.test("a column that is there twice, and a file of a header alone, are refused", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "mine.csv");
    const refused = async (text: string, message: string) => {
      Deno.writeTextFileSync(path, text);
      await assert.rejects(loadDataset(path, tokenizer, { inputMinTextLength: 0 }), {
        name: "UserError",
        message: `${path} ${message}`,
      });
    };
    const header = "dialogue,dialogue,summary\n";
    await refused(header + "a,b,c\n", 'has several columns "dialogue": rename all but one');
    for (const name of ["prompt", "label"]) {
      const text = `prompt,completion,label,${name}\na,b,true,${name}\n`;
      await refused(text, `has several columns "${name}": rename all but one`);
    }
    await refused("dialogue,summary\n", "has no rows");
    Deno.writeTextFileSync(path, "dialogue,summary,x,x\na,b,,\nc,d,,\n");
    await loadDataset(path, tokenizer, { inputMinTextLength: 0 });
  });
});
