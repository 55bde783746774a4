import assert from "node:assert/strict";
import { checkWarmup, learningRateAt } from "../../lib/training/schedules.ts";

const base = { learningRate: 2, warmupSteps: 4, steps: 12 };
const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} is not ${expected}`);

Deno.test("every schedule warms up linearly from 0", () => {
  for (const lrScheduler of ["constant", "linear", "cosine"] as const) {
    const rates = [0, 1, 2, 3, 4].map((step) => learningRateAt(step, { ...base, lrScheduler }));
    assert.deepEqual(rates, [0, 0.5, 1, 1.5, 2]);
  }
});

Deno.test("constant stays, also past the end", () => {
  const settings = { ...base, lrScheduler: "constant" as const };
  assert.equal(learningRateAt(11, settings), 2);
  assert.equal(learningRateAt(100, settings), 2);
});

Deno.test("linear falls to 0 at the last step and stays there", () => {
  const settings = { ...base, lrScheduler: "linear" as const };
  near(learningRateAt(6, settings), 1.5);
  near(learningRateAt(12, settings), 0);
  near(learningRateAt(13, settings), 0);
});

Deno.test("cosine falls along half a cosine", () => {
  const settings = { ...base, lrScheduler: "cosine" as const };
  near(learningRateAt(6, settings), 1 + Math.SQRT1_2);
  near(learningRateAt(8, settings), 1);
  near(learningRateAt(12, settings), 0);
});

Deno.test("a warm-up ends within the steps", () => {
  checkWarmup({ warmupSteps: 12, steps: 12 });
  assert.throws(
    () => checkWarmup({ warmupSteps: 13, steps: 12 }),
    /^UserError: `warmupSteps` 13 is more than `steps` 12: the warm-up would not end; make it at most 12$/,
  );
});

Deno.test("no warm-up starts at the peak", () => {
  for (const lrScheduler of ["constant", "linear", "cosine"] as const) {
    assert.equal(learningRateAt(0, { ...base, warmupSteps: 0, lrScheduler }), 2);
  }
});
