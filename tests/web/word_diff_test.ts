import assert from "node:assert/strict";
import { type DiffPart, wordDiff } from "../../web/shared/word_diff.ts";

/** Changed parts in brackets. */
function marked(parts: DiffPart[]): string {
  return parts.map(({ text, changed }) => changed ? `[${text}]` : text).join("");
}

Deno.test("wordDiff marks the words that only one side has", () => {
  const { before, after } = wordDiff("the gym was awful trash today", "the gym was fine today");
  assert.equal(marked(before), "the gym was [awful trash ]today");
  assert.equal(marked(after), "the gym was [fine ]today");
});

Deno.test("wordDiff leaves texts whole, whatever they are", () => {
  const texts = ["", " ", "a", "a b", "b a", "a\nb  c ", "c c c a", "x".repeat(50)];
  for (const a of texts) {
    for (const b of texts) {
      const { before, after } = wordDiff(a, b);
      if (a.trim() !== "") assert.equal(before.map(({ text }) => text).join(""), a);
      if (b.trim() !== "") assert.equal(after.map(({ text }) => text).join(""), b);
      if (a === b) assert.ok([...before, ...after].every(({ changed }) => !changed));
    }
  }
});

Deno.test("wordDiff gives up on texts that would take long", () => {
  const long = "word ".repeat(5000);
  assert.deepEqual(wordDiff(long, long).before, [{ text: long, changed: false }]);
  assert.equal(wordDiff(long, "word").after[0].changed, true);
});
