import assert from "node:assert/strict";
import { isPendingAfter, sleep, yieldToEventLoop } from "../lib/event_loop.ts";

Deno.test({
  name: "a signal is heard while something is computed",
  ignore: Deno.build.os === "windows",
  async fn() {
    let heard = false;
    const listener = () => heard = true;
    Deno.addSignalListener("SIGUSR2", listener);
    try {
      // Several times, as one may be lucky.
      for (let time = 0; time < 3; time++) {
        await computeFor(300);
        heard = false;
        Deno.kill(Deno.pid, "SIGUSR2");
        // However slow the machine is: some turns of the loop later at the most.
        for (let piece = 0; piece < 5000 && !heard; piece++) await computeFor(2);
        assert.ok(heard, "not heard while 10 seconds were computed");
      }
    } finally {
      Deno.removeSignalListener("SIGUSR2", listener);
    }
  },
});

Deno.test("the event loop is let in now and then, not each time", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  try {
    await computeFor(500);
  } finally {
    clearInterval(timer);
  }
  assert.ok(turns >= 1 && turns <= 10, `${turns} turns`);
});

/** Keeps the processor busy for some milliseconds, as kernels do. */
async function computeFor(milliseconds: number): Promise<void> {
  const start = performance.now();
  while (performance.now() - start < milliseconds) {
    const piece = performance.now();
    while (performance.now() - piece < 2);
    await yieldToEventLoop();
  }
}

Deno.test("sleep waits, and ends with the signal's reason", async () => {
  const start = performance.now();
  await sleep(20);
  assert.ok(performance.now() - start >= 19);
  const abort = new AbortController();
  const sleeping = sleep(60_000, abort.signal);
  abort.abort(new Error("given up"));
  await assert.rejects(sleeping, { message: "given up" });
  await assert.rejects(sleep(60_000, abort.signal), { message: "given up" });
});

Deno.test("a promise is pending that waits for longer, and none that has ended", async () => {
  assert.equal(await isPendingAfter(60_000, Promise.resolve()), false);
  assert.equal(await isPendingAfter(60_000, Promise.reject(new Error("ended"))), false);
  const { promise, resolve } = Promise.withResolvers<void>();
  assert.equal(await isPendingAfter(1, promise), true);
  resolve();
});
