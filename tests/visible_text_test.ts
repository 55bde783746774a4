import assert from "node:assert/strict";
import { UserError } from "../lib/errors.ts";
import { shortJson, visibleLine, visibleText } from "../lib/visible_text.ts";

Deno.test("controls and bidirectional overrides are shown, letters of any script stay", () => {
  assert.equal(
    visibleText("\x1b[2J\x07\0\x7f\x9b2J\u202e\u2066"),
    "␛[2J␇␀\\u007f\\u009b2J\\u202e\\u2066",
  );
  assert.equal(visibleText("naïve 日本 שלום 👩‍👩‍👧 ␛"), "naïve 日本 שלום 👩‍👩‍👧 ␛");
  assert.equal(visibleText("a\r\nb\rc\td\n"), "a\nb␍c␉d\n");
  assert.equal(visibleLine("a\r\nb"), "a␍␊b");
});

Deno.test("a JSON text stays the same value", () => {
  const value = { "\x1b]0;x\x07": "a\n\x7f\x9b31m\u202eb" };
  const shown = visibleText(JSON.stringify(value, null, 2));
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(shown, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
  assert.deepEqual(JSON.parse(shown), value);
});

Deno.test("a value in a message is JSON that fits a line", () => {
  assert.equal(shortJson({ a: [1, "b"] }), '{"a":[1,"b"]}');
  assert.equal(shortJson(undefined), "missing");
  assert.equal(shortJson("x".repeat(100)), `"${"x".repeat(79)}…`);
});

Deno.test("the message of a UserError is clean, whoever prints it", () => {
  const error = new UserError("no tensor \x1b[2J\r\nname\x9b31m in \u202efile");
  assert.equal(error.message, "no tensor ␛[2J name\\u009b31m in \\u202efile");
});
