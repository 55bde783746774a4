import assert from "node:assert/strict";
import { CONTROL_WORDS, offerTasks, runTasks } from "../../../lib/device/wasm/layout.ts";

/** The tasks that each of `joining` runs, one thread after another. */
function claimed(tasks: number, threads: number, joining: readonly number[]): number[][] {
  const control = new Int32Array(new SharedArrayBuffer(CONTROL_WORDS * 4));
  offerTasks(control, tasks, threads);
  return joining.map((thread) => {
    const ran: number[] = [];
    runTasks(control, (_args, task) => void ran.push(task), 0, thread, threads);
    return ran;
  });
}

Deno.test("runTasks: every task runs once, whichever threads join", () => {
  for (const [tasks, threads] of [[1, 4], [2, 2], [3, 2], [5, 3], [7, 64], [64, 64], [100, 3]]) {
    for (const joining of [[0], [threads - 1], [threads - 1, 0], [0, 1 % threads]]) {
      const ran = claimed(tasks, threads, joining).flat().sort((a, b) => a - b);
      assert.deepEqual(ran, [...Array(tasks).keys()]);
    }
  }
});

Deno.test("runTasks: a thread begins with its own share, then takes what others have left", () => {
  assert.deepEqual(claimed(5, 2, [1]), [[2, 3, 4, 0, 1]]);
  assert.deepEqual(claimed(5, 2, [0]), [[0, 1, 2, 3, 4]]);
  assert.deepEqual(claimed(2, 4, [3]), [[1, 0]]);
});
