import assert from "node:assert/strict";
import { columnsPerTask, EXPONENTIALS_TASK_ELEMENTS, rowsPerTask } from "../../kernels/split.ts";

Deno.test("rowsPerTask: as many whole rows as a task has elements, one at least", () => {
  assert.equal(rowsPerTask(128), 128);
  assert.equal(rowsPerTask(700), 23);
  assert.equal(rowsPerTask(100_000), 1);
  assert.equal(rowsPerTask(700, EXPONENTIALS_TASK_ELEMENTS), 5);
});

Deno.test("columnsPerTask: cache lines that with their rows make a task, 16 to 4096 columns", () => {
  assert.equal(columnsPerTask(100), 160);
  assert.equal(columnsPerTask(1_000_000), 16);
  assert.equal(columnsPerTask(0), 4096);
});
