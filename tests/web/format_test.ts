import assert from "node:assert/strict";
import {
  capitalized,
  formatAlike,
  formatChange,
  formatCount,
  formatFixed,
  formatMoment,
  formatNumber,
  formatPercentChange,
  formatSeconds,
  formatTick,
  heading,
  lastName,
} from "../../web/shared/format.ts";

Deno.test("numbers have about four digits, and a dash where there is none", () => {
  const cases: [number | null, string][] = [
    [null, "–"],
    [NaN, "–"],
    [0, "0"],
    [2.63537, "2.635"],
    [-0.0145, "−0.0145"],
    [0.0000141, "1.41e−5"],
    [442.04, "442.0"],
    [123456.7, "123,457"],
  ];
  for (const [value, text] of cases) assert.equal(formatNumber(value), text);
  assert.equal(formatFixed(-1.25, 1), "−1.3");
  assert.equal(formatFixed(undefined, 1), "–");
  assert.equal(formatChange(0.5, 2), "+0.50");
  assert.equal(formatPercentChange(0.3125, 0.0625), "−80.0\u00a0%");
  assert.equal(formatPercentChange(0, 1), "");
  assert.equal(formatPercentChange(0.1, 1.2361), "+1136\u00a0%");
  assert.equal(formatPercentChange(1, 0.9999), "±0.0\u00a0%");
  assert.deepEqual(formatAlike([0.3594, 0.000311]), ["0.3594", "0.0003"]);
  assert.deepEqual(formatAlike([13.65, 8.68e-4]), ["13.65", "8.68e−4"]);
  assert.deepEqual(formatAlike([0, 0]), ["0", "0"]);
  assert.equal(capitalized("mean reward"), "Mean reward");
  assert.deepEqual(["toxicity", "judge.ts", "tiny-roberta", "ROUGE-1"].map(heading), [
    "Toxicity",
    "judge.ts",
    "tiny-roberta",
    "ROUGE-1",
  ]);
  assert.deepEqual([0.1 + 0.2, 12000, -5].map(formatTick), ["0.3", "12k", "−5"]);
});

Deno.test("times and counts read as people say them", () => {
  const seconds: [number | null, string][] = [
    [null, "–"],
    [2.04, "2.0 s"],
    [59.6, "1 min 0 s"],
    [200, "3 min 20 s"],
    [7500, "2 h 5 min"],
    [400_000, "4.6 days"],
  ];
  for (const [value, text] of seconds) assert.equal(formatSeconds(value), text);
  assert.equal(formatMoment(new Date(2023, 7, 31, 7, 5).getTime()), "2023-08-31 07:05");
  assert.equal(formatCount(1, "run"), "1 run");
  assert.equal(formatCount(1024, "run"), "1,024 runs");
  assert.equal(lastName("models/flan-t5/"), "flan-t5");
});
