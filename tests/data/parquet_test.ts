import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadDataset } from "../../lib/data/dataset.ts";
import { parseParquet } from "../../lib/data/parquet.ts";
import { readParts, readTable } from "../../lib/data/table.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { withTempDir } from "../temp_dir.ts";
import { repeatedText } from "./repeated_text.ts";

/**
 * The first rows of the demo's train.csv as a Hub repository has them: data/train-0000x-of-00002
 * (6 rows in Snappy's compression, 4 in none) and data/test-00000-of-00001 (4 rows).
 */
const HUB = fileURLToPath(new URL("../fixtures/parquet", import.meta.url));
const DEMO = fileURLToPath(new URL("../../demo", import.meta.url));
const csv = await readTable(join(DEMO, "dialogues", "train.csv"));

Deno.test("a Hub folder's Parquet parts are the rows of the CSV they were made from", async () => {
  const parts = [0, 1].map((part) => join(HUB, `data/train-0000${part}-of-00002.parquet`));
  const table = await readParts(parts);
  assert.deepEqual(table.columns, csv.columns);
  assert.deepEqual(table.rows, csv.rows.slice(0, 10));
});

Deno.test("the dataset is that of the folder's splits, and prints itself", async () => {
  const tokenizer = await Tokenizer.load(join(DEMO, "tiny-flan-t5"));
  const dataset = await loadDataset(HUB, tokenizer);
  assert.equal(
    dataset.describe(),
    `DatasetDict({
    train: Dataset({
        features: ['id', 'dialogue', 'summary', 'topic', 'input_ids', 'query'],
        num_rows: 10
    })
    test: Dataset({
        features: ['id', 'dialogue', 'summary', 'topic', 'input_ids', 'query'],
        num_rows: 4
    })
})`,
  );
  const { id, summary } = dataset.split("test").example(3);
  assert.deepEqual([id, summary], [csv.rows[13].id, csv.rows[13].summary]);
});

Deno.test("columns can be mapped", async () => {
  const tokenizer = await Tokenizer.load(join(DEMO, "tiny-flan-t5"));
  const dataset = await loadDataset(HUB, tokenizer, { summaryColumn: "topic" });
  assert.equal(dataset.split("train").example(0).summary, csv.rows[0].topic);
});

Deno.test("what is broken or does not fit together is named", async () => {
  await assert.rejects(parseParquet("x.parquet", new Uint8Array(20)), {
    name: "UserError",
    message: /^x\.parquet cannot be read as Parquet: /,
  });
  await withTempDir(async (dir) => {
    const paths = ["a.jsonl", "b.jsonl"].map((name) => join(dir, name));
    await Deno.writeTextFile(paths[0], '{"a": 1}');
    await Deno.writeTextFile(paths[1], '{"b": 1}');
    await assert.rejects(readParts(paths), /b\.jsonl has the columns b, .*a\.jsonl has a$/);
  });
});

Deno.test("a small file of one text, many times over, is read while its rows are not too large", async () => {
  const { columns, rows } = await parseParquet("x.parquet", repeatedText("abc", 1000));
  assert.deepEqual(columns, ["text"]);
  assert.deepEqual(rows, Array(1000).fill({ text: "abc" }));
  await assert.rejects(parseParquet("x.parquet", repeatedText("a".repeat(100_000), 100_000)), {
    name: "UserError",
    message: /^x\.parquet cannot be read as Parquet: its values have more than \d+ characters once/,
  });
});

Deno.test("a file that claims a billion rows ends within its memory, and the program goes on", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 10);
  await assert.rejects(parseParquet("x.parquet", repeatedText("a", 2 ** 30)), {
    name: "UserError",
    message: /^x\.parquet (is too large once it is unpacked: it takes more than|cannot be read as)/,
  });
  clearInterval(timer);
  assert.ok(turns > 3, "a Ctrl-C would have been heard meanwhile");
});
