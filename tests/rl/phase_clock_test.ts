import assert from "node:assert/strict";
import { PhaseClock } from "../../lib/rl/phase_clock.ts";

Deno.test("phases add up to the total", () => {
  let now = 1000;
  const clock = new PhaseClock(() => now);
  now += 250;
  clock.lap("slow");
  now += 125;
  clock.lap("quick");
  // What is after the last phase belongs to none.
  now += 1000;
  assert.deepEqual(clock.seconds(), {
    "time/ppo/slow": 0.25,
    "time/ppo/quick": 0.125,
    "time/ppo/total": 0.375,
  });
});
