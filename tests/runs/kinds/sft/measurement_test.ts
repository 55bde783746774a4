import assert from "node:assert/strict";
import {
  parseSftMeasurement,
  sftMeasurementLine,
} from "../../../../lib/runs/kinds/sft/measurement.ts";

const MEASUREMENT = {
  loss: 1.5,
  rouge: { rouge1: 0.5, rouge2: 0.25, rougeL: 0.5, rougeLsum: 0.5 },
  summaries: ["a", "b"],
};

Deno.test("a measurement is read back; a broken one and one on other examples are not", () => {
  const json = JSON.parse(JSON.stringify(MEASUREMENT));
  assert.deepEqual(parseSftMeasurement(json, 2), MEASUREMENT);
  assert.equal(parseSftMeasurement(json, 3), null);
  // JSON has no NaN.
  assert.equal(parseSftMeasurement({ ...json, loss: null }, 2), null);
  assert.equal(parseSftMeasurement({ ...json, rouge: {} }, 2), null);
  assert.equal(parseSftMeasurement([], 2), null);
});

Deno.test("a measurement in one line", () => {
  assert.equal(
    sftMeasurementLine("before training", MEASUREMENT),
    "before training: loss 1.5000  rouge1 0.5000  rouge2 0.2500  rougeL 0.5000  rougeLsum 0.5000",
  );
});
