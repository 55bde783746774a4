import assert from "node:assert/strict";
import { displayWidth, hanging, pad, truncate, wrap } from "../../lib/cli/text_layout.ts";

Deno.test("displayWidth counts columns, not code units", () => {
  assert.equal(displayWidth("naïve"), 5);
  assert.equal(displayWidth("nai\u0308ve"), 5);
  assert.equal(displayWidth("日本"), 4);
  assert.equal(displayWidth("👩‍👩‍👧"), 2);
  assert.equal(displayWidth("#Person1#"), 9);
});

Deno.test("truncate keeps what fits and marks the cut", () => {
  assert.equal(truncate("hello", 5), "hello");
  assert.equal(truncate("hello world", 7), "hello…");
  assert.equal(truncate("日本語", 5), "日本…");
  assert.equal(truncate("abc", 0), "");
});

Deno.test("wrap breaks between words, and inside words longer than a line", () => {
  assert.deepEqual(wrap("a bb\nccc  dddd", 5), ["a bb", "ccc", "dddd"]);
  assert.deepEqual(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
  assert.deepEqual(wrap("", 3), [""]);
  assert.deepEqual(wrap("a\x1b[2Jb", 9), ["a␛[2Jb"]);
});

Deno.test("wrap ends the last allowed line in an ellipsis", () => {
  assert.deepEqual(wrap("one two three four", 9, 2), ["one two", "three fo…"]);
});

Deno.test("pad aligns by columns", () => {
  assert.equal(pad("日", 4), "日  ");
  assert.equal(pad("7", 3, "right"), "  7");
});

Deno.test("hanging indents the further lines of a text to where it begins", () => {
  const text = "one two three four five six";
  assert.equal(hanging("ok  ", text, 24), "ok  one two three four\n    five six");
  assert.equal(hanging("ok  ", text, 31), `ok  ${text}`);
  assert.equal(hanging("ok  ", "as  it is", Infinity), "ok  as  it is");
  assert.equal(hanging("ok  ", text, 23), `ok  ${text}`);
});
