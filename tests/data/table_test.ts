import assert from "node:assert/strict";
import { join } from "node:path";
import { readTable } from "../../lib/data/table.ts";
import { withTempDir } from "../temp_dir.ts";

/** Reads a file of this name with these contents. */
async function table(name: string, text: string | Uint8Array) {
  let read: Awaited<ReturnType<typeof readTable>> | undefined;
  await withTempDir(async (dir) => {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    Deno.writeFileSync(join(dir, name), bytes);
    read = await readTable(join(dir, name));
  });
  return read!;
}

Deno.test("CSV: quotes, line breaks in a field, a byte order mark, CRLF", async () => {
  const { columns, rows } = await table("a.csv", '\uFEFFid,text\r\n1,"a ""b"",\nc"\r\n2,d\r\n\r\n');
  assert.deepEqual(columns, ["id", "text"]);
  assert.deepEqual(rows, [{ id: "1", text: 'a "b",\nc' }, { id: "2", text: "d" }]);
});

Deno.test("JSONL: blank lines are passed over, columns are those of any row", async () => {
  const { columns, rows } = await table("a.jsonl", '{"id": 1}\r\n\n{"id": 2, "text": "ü"}\n');
  assert.deepEqual(columns, ["id", "text"]);
  assert.deepEqual(rows, [{ id: 1 }, { id: 2, text: "ü" }]);
});

Deno.test("what is broken is named with its line", async () => {
  const refused = (name: string, text: string | Uint8Array, message: RegExp) =>
    assert.rejects(table(name, text), { name: "UserError", message });
  await refused("a.csv", "id,text\n1,a\n2\n", /a\.csv is not CSV: Invalid Record Length.*line 3/);
  await refused("a.csv", 'id,text\n1,"a\n', /a\.csv is not CSV: Quote Not Closed/);
  await refused("a.csv", "", /a\.csv is empty/);
  await refused("a.jsonl", '{"id": 1}\n{"id"\n', /a\.jsonl, line 2, is not JSON/);
  await refused("a.jsonl", '{"id": 1}\n[1]\n', /a\.jsonl, line 2, is not a JSON object/);
  await refused("a.jsonl", "\n", /a\.jsonl is empty/);
  const notUtf8 = Uint8Array.of(0x69, 0x64, 0x0a, 0xfc, 0x0a);
  await refused("a.csv", notUtf8, /a\.csv is not UTF-8: line 2 has the byte 0xFC, at 3/);
  await refused("a.jsonl", notUtf8, /a\.jsonl is not UTF-8: line 2 has the byte 0xFC, at 3/);
  await refused("a.txt", "", /a\.txt is not a dataset: expected \.csv, \.json, \.jsonl, \.parquet/);
  await assert.rejects(readTable("/nothing/a.csv"), /cannot read .*a\.csv: it does not exist/);
});

Deno.test("rows of lists in lists without end are refused", async () => {
  const deep = "[".repeat(200_000) + "]".repeat(200_000);
  await assert.rejects(table("a.jsonl", `{"id": 1}\n{"id": ${deep}}\n`), {
    name: "UserError",
    message: /a\.jsonl, line 2, nests lists or objects more than 100 levels deep$/,
  });
});

Deno.test("a JSON file with one object over several lines says what is expected", async () => {
  await assert.rejects(table("a.json", '{\n  "data": [{"id": 1}]\n}\n'), {
    name: "UserError",
    message: /a\.json holds one JSON object, expected a list of objects \(\[{…}, …\]\)$/,
  });
  assert.deepEqual((await table("a.json", '{"id": 1}\n')).rows, [{ id: 1 }]);
});

Deno.test("a text table out of reason is not read into memory", async () => {
  await withTempDir(async (dir) => {
    for (const [name, mebibytes, most] of [["a.jsonl", 600, 511], ["a.parquet", 5000, 4096]]) {
      const path = join(dir, String(name));
      await Deno.writeTextFile(path, "");
      // Without blocks on the disk.
      await Deno.truncate(path, Number(mebibytes) * 2 ** 20);
      await assert.rejects(readTable(path), {
        name: "UserError",
        message: `cannot read ${path}: it has ${mebibytes} MiB, expected at most ${most}`,
      });
    }
  });
});

Deno.test("CSV with other separators than commas says so", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "mine.csv");
    for (const [separator, name] of [[";", "semicolons"], ["\t", "tabs"], ["|", "vertical bars"]]) {
      for (const header of [["dialogue", "summary"], ['"dialogue"', '"summary, short"']]) {
        const row = ["a, b and c", '"two"'];
        Deno.writeTextFileSync(
          path,
          [header, row].map((cells) => cells.join(separator)).join("\n"),
        );
        await assert.rejects(readTable(path), {
          name: "UserError",
          message:
            `${path} separates its columns by ${name}, expected commas: save it with commas, ` +
            "or as JSONL",
        });
      }
    }
    Deno.writeTextFileSync(path, '"what; he said",b\n1,2\n');
    assert.deepEqual((await readTable(path)).columns, ["what; he said", "b"]);
    Deno.writeTextFileSync(path, '"one; column"\n1\n');
    assert.deepEqual((await readTable(path)).columns, ["one; column"]);
  });
});
