import assert from "node:assert/strict";
import * as browser from "../../lib/packages/browser/csv.ts";
import * as csvParse from "../../lib/packages/csv.ts";
import { Random } from "../../lib/random.ts";

const OPTIONS = { bom: true, skip_empty_lines: true };

/** Rows, or null where the text is refused. */
function rowsOf({ parse }: Pick<typeof browser, "parse">, text: string): string[][] | null {
  try {
    return parse(text, OPTIONS) as string[][];
  } catch (error) {
    assert.match((error as Error).constructor.name, /^CsvError$/, text);
    return null;
  }
}

Deno.test("CSV in a page is read as on the command line", () => {
  const random = new Random(1);
  const pieces = ["a", "b", '"', '""', '"x"', ",", ",", "\n", "\r\n", " ", "é", '"p\nq"', '"r,s"'];
  let read = 0;
  for (let round = 0; round < 3000; round++) {
    const length = random.integer(1, 15);
    let text = Array.from({ length }, () => pieces[random.integer(0, pieces.length)]).join("");
    if (round % 3 === 0) text = text.replaceAll("\r\n", "\n");
    if (round % 7 === 0) text = `\ufeff${text}`;
    const expected = rowsOf(csvParse, text);
    assert.deepEqual(rowsOf(browser, text), expected, JSON.stringify(text));
    if (expected) read++;
  }
  assert.ok(read > 300, `${read} texts were CSV`);
});

Deno.test("CSV in a page: errors name the line", () => {
  const refused = (text: string, message: RegExp) =>
    assert.throws(() => browser.parse(text, OPTIONS), { name: "CsvError", message });
  refused('a,b\n1,"2\n3"\n4\n', /expect 2, got 1 on line 4/);
  refused('a,b\n1,x"y"\n', /Opening Quote.*line 2/);
  refused('a,b\n1,"x"y\n', /Closing Quote: got "y" on line 2/);
  refused('a,b\n1,"x\n', /Quote Not Closed.*line 2/);
});
