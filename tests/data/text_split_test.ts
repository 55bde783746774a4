/** The tokenizers library's own examples (`NormalizedString::split`). */
import assert from "node:assert/strict";
import { type SplitBehavior, splitBehavior, splitText } from "../../lib/data/text_split.ts";

const TEXT = "the-final--countdown";

Deno.test("a text is divided as the tokenizers library does, by each behavior", () => {
  const expected: Record<SplitBehavior, string[]> = {
    Removed: ["the", "final", "countdown"],
    Isolated: ["the", "-", "final", "-", "-", "countdown"],
    Contiguous: ["the", "-", "final", "--", "countdown"],
    MergedWithPrevious: ["the-", "final-", "-", "countdown"],
    MergedWithNext: ["the", "-final", "-", "-countdown"],
  };
  for (const [behavior, parts] of Object.entries(expected)) {
    assert.deepEqual(splitText(TEXT, /-/g, behavior as SplitBehavior), parts, behavior);
  }
  assert.deepEqual(splitText("-a", /-/g, "MergedWithPrevious"), ["-", "a"]);
  assert.deepEqual(splitText("a-", /-/g, "MergedWithNext"), ["a", "-"]);
  assert.deepEqual(splitText("", /-/g, "Isolated"), []);
});

Deno.test("inverted, what lies between the matches is the delimiter", () => {
  const words = /\w+/g;
  const split = (behavior: SplitBehavior) => splitText("a, b", words, behavior, { invert: true });
  assert.deepEqual(split("Removed"), ["a", "b"]);
  assert.deepEqual(split("Isolated"), ["a", ", ", "b"]);
  assert.deepEqual(split("MergedWithPrevious"), ["a, ", "b"]);
});

Deno.test("a behavior's name is checked", () => {
  assert.equal(splitBehavior("isolated"), "Isolated");
  for (const name of [undefined, "toString", "Kept"]) {
    assert.throws(() => splitBehavior(name), /it splits by the behavior .*known are Removed, Iso/);
  }
});
