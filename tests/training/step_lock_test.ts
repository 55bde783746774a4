import assert from "node:assert/strict";
import { StepLock } from "../../lib/training/step_lock.ts";

Deno.test("a step is refused while another runs, and let in when that has ended or failed", async () => {
  const lock = new StepLock();
  const first = Promise.withResolvers<number>();
  const running = lock.hold(() => first.promise);
  assert.equal(lock.isHeld, true);
  await assert.rejects(lock.hold(() => Promise.resolve(0)), {
    name: "UserError",
    message: "step was called while another step is running: await that first",
  });
  first.resolve(1);
  assert.equal(await running, 1);
  assert.equal(lock.isHeld, false);
  await assert.rejects(lock.hold(() => Promise.reject(new Error("broken"))), /broken/);
  assert.equal(await lock.hold(() => Promise.resolve(2)), 2);
});
