import assert from "node:assert/strict";
import { PhaseClock } from "../../lib/rl/phase_clock.ts";

Deno.test("phases add up to the total", async () => {
  const clock = new PhaseClock();
  await new Promise((resolve) => setTimeout(resolve, 20));
  clock.lap("slow");
  clock.lap("quick");
  const seconds = clock.seconds();
  assert.deepEqual(Object.keys(seconds), ["time/ppo/slow", "time/ppo/quick", "time/ppo/total"]);
  assert.ok(seconds["time/ppo/slow"] >= 0.015 && seconds["time/ppo/slow"] < 2);
  assert.ok(seconds["time/ppo/quick"] < seconds["time/ppo/slow"]);
  const sum = seconds["time/ppo/slow"] + seconds["time/ppo/quick"];
  assert.ok(Math.abs(sum - seconds["time/ppo/total"]) < 1e-9);
});
