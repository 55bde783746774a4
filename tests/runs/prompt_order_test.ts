import assert from "node:assert/strict";
import type { DatasetSplit } from "../../lib/data/dataset.ts";
import { promptBatches } from "../../lib/runs/prompt_order.ts";

function split(length: number): DatasetSplit {
  const example = (index: number) => ({ id: String(index), query: "", inputIds: [], summary: "" });
  return { length, example } as unknown as DatasetSplit;
}

function draw(length: number, batchSize: number, seed: number, batches: number): string[][] {
  const iterator = promptBatches(split(length), batchSize, seed);
  return Array.from({ length: batches }, () => iterator.next().value.map(({ id }) => id));
}

Deno.test("a pass has every prompt at most once, and passes differ", () => {
  const [a, b, c, d] = draw(7, 3, 0, 4);
  assert.equal(new Set([...a, ...b]).size, 6);
  assert.equal(new Set([...c, ...d]).size, 6);
  assert.notDeepEqual([a, b], [c, d]);
});

Deno.test("the seed decides the order", () => {
  assert.deepEqual(draw(20, 4, 1, 5), draw(20, 4, 1, 5));
  assert.notDeepEqual(draw(20, 4, 1, 5), draw(20, 4, 2, 5));
});

Deno.test("too few prompts are refused at once", () => {
  assert.throws(() => promptBatches(split(3), 4, 0), /3 dialogues, too few for batchSize 4/);
});
