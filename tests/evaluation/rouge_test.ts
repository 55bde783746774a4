import assert from "node:assert/strict";
import { meanRouge, rouge, type RougeScore, type RougeScores } from "../../lib/evaluation/rouge.ts";

function assertScore(actual: RougeScore, precision: number, recall: number): void {
  const sum = precision + recall;
  const expected = { precision, recall, fmeasure: sum && 2 * precision * recall / sum };
  for (const [name, value] of Object.entries(expected)) {
    assert.ok(Math.abs(actual[name as keyof RougeScore] - value) < 1e-12, `${name}: ${value}`);
  }
}

/** Reference, prediction, variant, precision and recall that rouge_score's own tests expect. */
const known: [string, string, keyof RougeScores, number, number][] = [
  ["testing one two", "testing", "rouge1", 1, 1 / 3],
  ["testing one two", "testing one", "rouge1", 1, 2 / 3],
  ["testing one two", "testing one", "rouge2", 1, 1 / 2],
  ["testing one two", "testing one", "rougeL", 1, 2 / 3],
  ["testing one two", "testing two", "rougeL", 1, 2 / 3],
  // The example of section 3.2 of Lin 2004.
  ["w1 w2 w3 w4 w5", "w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5", "rougeLsum", 0.4, 0.8],
  ["w1 w2 w3 w4 w5", "", "rougeLsum", 0, 0],
  ["", "w1", "rougeLsum", 0, 0],
  ["w1 w2 w3 w4 w5", "/", "rougeLsum", 0, 0],
  ["testing one two", "", "rouge2", 0, 0],
];
for (const [reference, prediction, type, precision, recall] of known) {
  Deno.test(`${type} of ${JSON.stringify(prediction)} for ${JSON.stringify(reference)}`, () => {
    assertScore(rouge(reference, prediction)[type], precision, recall);
  });
}

Deno.test("words: lower case, split at what is neither letter nor digit, and not stemmed", () => {
  const { rouge1 } = rouge("Frank didn't like flights.", "FRANK, did: flight");
  // frank didn t like flights | frank did flight
  assertScore(rouge1, 1 / 3, 1 / 5);
});

Deno.test("a word counts only as often as both texts have it", () => {
  assertScore(rouge("the cat", "the the the cat").rouge1, 2 / 4, 1);
  // Both lines of the prediction hit "a", which the reference has once.
  assertScore(rouge("a b", "a\na b").rougeLsum, 2 / 3, 1);
});

Deno.test("ROUGE-L counts order, ROUGE-1 does not", () => {
  const { rouge1, rougeL } = rouge("a b c d", "d c b a");
  assertScore(rouge1, 1, 1);
  assertScore(rougeL, 1 / 4, 1 / 4);
});

Deno.test("meanRouge averages F-measures", () => {
  const mean = meanRouge(["a b", "c"], ["a b", "d"]);
  assert.deepEqual(mean, { rouge1: 0.5, rouge2: 0.5, rougeL: 0.5, rougeLsum: 0.5 });
  assert.throws(() => meanRouge(["a"], []), RangeError);
});
