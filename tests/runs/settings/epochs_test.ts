import assert from "node:assert/strict";
import { stepsOf } from "../../../lib/runs/settings/epochs.ts";

Deno.test("a run takes the steps it is given, else whole epochs of whole steps", () => {
  const settings = { epochs: 3, steps: null, batchSize: 4, gradientAccumulationSteps: 2 };
  assert.equal(stepsOf(settings, 17), 6);
  assert.equal(stepsOf(settings, 7), 0);
  assert.equal(stepsOf({ ...settings, steps: 5 }, 7), 5);
});
