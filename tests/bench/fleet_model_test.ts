import assert from "node:assert/strict";
import { type FleetShape, type FleetTimes, predictStep } from "../../bench/fleet_model.ts";

const TIMES: FleetTimes = { generate: [[1, 1], [8, 8]], update: 2, sync: 0.5 };

function predicted(fleet: Omit<FleetShape, "prompts">, times = TIMES): number {
  return Math.round(1000 * predictStep(times, { ...fleet, prompts: 8 })) / 1000;
}

Deno.test("without staleness, a step is generation of the largest share, update and storing", () => {
  assert.equal(predicted({ workers: 1, staleness: 0 }), 10.5);
  assert.equal(predicted({ workers: 2, staleness: 0 }), 6.5);
  // The largest of 3, 3 and 2 prompts.
  assert.equal(predicted({ workers: 3, staleness: 0 }), 5.5);
  assert.equal(predicted({ workers: 8, staleness: 0 }), 3.5);
  assert.equal(predicted({ workers: 20, staleness: 0 }), 3.5);
});

Deno.test("with staleness, the slower of workers and trainer decides", () => {
  assert.equal(predicted({ workers: 1, staleness: 1 }), 8);
  assert.equal(predicted({ workers: 2, staleness: 1 }), 4);
  // The trainer stores each policy before it takes the next step.
  assert.equal(predicted({ workers: 8, staleness: 2 }), 2.5);
});

Deno.test("what the trainer does while it waits is not divided among workers", () => {
  const times: FleetTimes = { ...TIMES, meanwhile: 3 };
  assert.equal(predicted({ workers: 1, staleness: 0 }, times), 10.5);
  assert.equal(predicted({ workers: 2, staleness: 0 }, times), 6.5);
  assert.equal(predicted({ workers: 8, staleness: 0 }, times), 5.5);
  assert.equal(predicted({ workers: 8, staleness: 2 }, times), 5.5);
});

Deno.test("a batch costs what batches of its size were measured to", () => {
  // A batch of 8 costs hardly more than one of 1: more workers gain little.
  const flat: FleetTimes = { generate: [[1, 5], [4, 6], [8, 8]], update: 2, sync: 0 };
  assert.equal(predicted({ workers: 1, staleness: 0 }, flat), 10);
  assert.equal(predicted({ workers: 2, staleness: 0 }, flat), 8);
  assert.equal(predicted({ workers: 4, staleness: 0 }, flat), 7.333);
});
