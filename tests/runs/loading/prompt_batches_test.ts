import assert from "node:assert/strict";
import type { DatasetSplit } from "../../../lib/data/dataset.ts";
import { PromptBatches } from "../../../lib/runs/loading/prompt_batches.ts";

function split(length: number): DatasetSplit {
  const example = (index: number) => ({ id: String(index), query: "", inputIds: [], summary: "" });
  return { length, example } as unknown as DatasetSplit;
}

function draw(length: number, batchSize: number, seed: number, batches: number): string[][] {
  const drawing = new PromptBatches(split(length), batchSize, seed);
  return Array.from({ length: batches }, () => drawing.next().map(({ id }) => id));
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
  assert.throws(() => new PromptBatches(split(3), 4, 0), /3 rows, too few for `batchSize` 4/);
});

Deno.test("drawing goes on from a position, within a pass and at its end", () => {
  for (const drawn of [0, 1, 2, 3]) {
    const [first, second] = [1, 2].map(() => new PromptBatches(split(7), 3, 5));
    for (let batch = 0; batch < drawn; batch++) first.next();
    second.position = JSON.parse(JSON.stringify(first.position));
    for (let batch = 0; batch < 5; batch++) assert.deepEqual(second.next(), first.next());
  }
});

Deno.test("what is no position is refused in one line", () => {
  const drawing = new PromptBatches(split(7), 3, 0);
  for (const position of [undefined, { drawn: 1 }, { random: [1, 2], drawn: 0 }]) {
    assert.throws(() => drawing.position = position, {
      name: "UserError",
      message: "the checkpoint has no position in the data",
    });
  }
});
