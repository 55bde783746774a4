import assert from "node:assert/strict";
import { capitalize, quote, strftime, strip } from "../../lib/data/python_text.ts";

Deno.test("white space is Python's", () => {
  assert.equal(strip("\x1f\x85\u3000 a b\xa0\n"), "a b");
  // JavaScript's trim takes a byte order mark.
  assert.equal(strip("\ufeffa "), "\ufeffa");
  assert.equal(strip(" a ", "left"), "a ");
  assert.equal(strip(" a ", "right"), " a");
  assert.equal(strip("\n \n"), "");
});

Deno.test("characters to strip are a set of whole characters", () => {
  assert.equal(strip("xyaxy", "both", "yx"), "a");
  assert.equal(strip("\u{1f600}\u{1f601}a", "left", "\u{1f600}"), "\u{1f601}a");
});

Deno.test("only the first letter is a capital", () => {
  assert.equal(capitalize("hELLO World"), "Hello world");
  assert.equal(capitalize(""), "");
});

Deno.test("texts are quoted as Python quotes them", () => {
  assert.equal(quote("it's"), '"it\'s"');
  assert.equal(quote('it\'s "so"\n\\\x07é'), "'it\\'s \"so\"\\n\\\\\\x07é'");
});

Deno.test("a date is written as in the C locale", () => {
  const date = new Date(2026, 0, 5, 15, 4, 9);
  assert.equal(strftime(date, "%d %b %Y, %A %B %e"), "05 Jan 2026, Monday January  5");
  assert.equal(
    strftime(date, "%-d/%m/%y %H:%M:%S %I %p %j %a %w"),
    "5/01/26 15:04:09 03 PM 005 Mon 1",
  );
  assert.equal(strftime(date, "%F %T 100%% %Q"), "2026-01-05 15:04:09 100% %Q");
});
