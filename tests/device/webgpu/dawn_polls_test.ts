import assert from "node:assert/strict";
import { paceDawnPolls, type Timers } from "../../../lib/device/webgpu/dawn_polls.ts";

/** A scope whose clock stands at `now`, and what was asked of it: `0` for an immediate, else a timer. */
function fakeScope() {
  const asked: number[] = [];
  const due: (() => unknown)[] = [];
  const clock = { now: 0 };
  const scope: Timers = {
    performance: { now: () => clock.now },
    setImmediate(callback, ...args) {
      asked.push(0);
      due.push(() => callback(...args));
      return "immediate";
    },
    setTimeout(callback, milliseconds) {
      asked.push(milliseconds);
      due.push(() => {
        clock.now += milliseconds;
        callback();
      });
      return "timer";
    },
  };
  return { scope, asked, due };
}

/** A function that says of itself that it is native, without a name, as Dawn's are. */
function native(body: () => unknown): () => unknown {
  return new Proxy(() => {}, {
    apply: body,
    get: (target, key) => key === "name" ? "" : Reflect.get(target, key),
  });
}

Deno.test("Dawn's polls: a few at once, then after a sixteenth of the time waited, 1 to 10 ms", () => {
  const { scope, asked, due } = fakeScope();
  paceDawnPolls(scope);
  let left = 0;
  const poll = native(() => --left > 0 && scope.setImmediate(poll));
  const wait = (polls: number) => {
    left = polls;
    asked.length = 0;
    scope.setImmediate(poll);
    while (due.length > 0) due.shift()!();
  };
  wait(200);
  assert.equal(asked.length, 200);
  assert.deepEqual(asked.slice(0, 10), [...new Array(8).fill(0), 1, 1]);
  assert.equal(asked.at(-1), 10);
  const timers = asked.slice(8);
  assert.deepEqual(timers, timers.toSorted((a, b) => a - b));
  assert.ok(timers.some((milliseconds) => milliseconds > 1 && milliseconds < 10));
  // The next wait begins anew, also after a poll that failed.
  wait(9);
  assert.deepEqual(asked, [...new Array(8).fill(0), 1]);
  scope.setImmediate(native(() => {
    throw new Error("failed");
  }));
  assert.throws(due.shift()!, /failed/);
  wait(2);
  assert.deepEqual(asked, [0, 0]);
});

Deno.test("Dawn's polls: other callbacks are called as before", () => {
  const { scope, asked, due } = fakeScope();
  const before = Object.getOwnPropertyDescriptors(scope.setImmediate);
  paceDawnPolls(scope);
  assert.deepEqual(Object.getOwnPropertyDescriptors(scope.setImmediate), before);
  const called: unknown[] = [];
  const push = (...values: unknown[]) => called.push(...values);
  for (let i = 0; i < 20; i++) {
    assert.equal(scope.setImmediate(push, i), "immediate");
    assert.equal(scope.setImmediate(push.bind(null), i), "immediate");
  }
  assert.deepEqual(asked, new Array(40).fill(0));
  for (const callback of due) callback();
  assert.deepEqual(called, Array.from({ length: 40 }, (_, i) => i >> 1));
});
