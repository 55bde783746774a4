import assert from "node:assert/strict";
import { renderTable } from "../../lib/cli/table.ts";
import { displayWidth } from "../../lib/cli/text_layout.ts";

const columns = [
  { header: "query", flexible: true },
  { header: "response", flexible: true },
  { header: "reward", align: "right" as const },
];
const rows = [
  ["#Person1#: Hello, how are you?\n#Person2#: Fine, thanks a lot for asking.", "Hi", "1.25"],
  ["你好，你今天怎么样？我很好，谢谢你。", "Two friends say hello to each other and part", "-0.50"],
];

for (const width of [40, 60, 100, 200]) {
  Deno.test(`a table of ${width} columns has no longer line and loses no text`, () => {
    const table = renderTable(columns, rows, { width });
    for (const line of table.split("\n")) assert.ok(displayWidth(line) <= width, line);
    for (const word of ["Person2#:", "part", "-0.50"]) assert.ok(table.includes(word), word);
  });
}

Deno.test("a column that needs little leaves its room to the others", () => {
  const [, rule] = renderTable(columns, [["a".repeat(50), "b", "1"]], { width: 60 }).split("\n");
  assert.deepEqual(rule.split("  ").map((part) => part.length), [42, 8, 6]);
});

Deno.test("maxLines cuts long cells with an ellipsis", () => {
  const table = renderTable(columns, [["word ".repeat(40), "b", "1"]], { width: 40, maxLines: 2 });
  assert.equal(table.split("\n").length, 4);
  assert.match(table, /…/);
});

Deno.test("numbers are aligned right", () => {
  const lines = renderTable(columns, rows, { width: 200 }).split("\n");
  assert.ok(lines[2].endsWith("  1.25"));
  assert.ok(lines[3].endsWith(" -0.50"));
});

Deno.test("rows of several lines are set apart, rows of one line are not", () => {
  const short = [["a", "b", "1"], ["c", "d", "2"]];
  assert.equal(renderTable(columns, short, { width: 40 }).split("\n").length, 4);
  const long = [["word ".repeat(40), "b", "1"], ["c", "d", "2"]];
  const lines = renderTable(columns, long, { width: 40, maxLines: 2 }).split("\n");
  assert.deepEqual([lines.length, lines[4]], [6, ""]);
});
