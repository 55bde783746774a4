import assert from "node:assert/strict";
import type { Example } from "../../../lib/data/dataset.ts";
import { checkStaleness, StepsAhead } from "../../../lib/runs/kinds/fleet/steps_ahead.ts";
import { PromptBatches } from "../../../lib/runs/loading/prompt_batches.ts";

/** Batches of two rows, which are their numbers. */
function batches(): PromptBatches {
  const example = (index: number) => ({ id: String(index) }) as Example;
  return new PromptBatches({ length: 7, example }, 2, 3);
}

function ids(examples: readonly Example[]): string {
  return examples.map(({ id }) => id).join();
}

Deno.test("steps ahead get the prompts that they would get without", () => {
  const plain = new StepsAhead(batches(), 0, 5);
  const expected = [1, 2, 3, 4, 5].map((step) => ids(plain.take(step).examples));
  const ahead = new StepsAhead(batches(), 2, 5);
  const drawn: number[][] = [];
  const taken = [1, 2, 3, 4, 5].map((step) => {
    const prompts = ahead.take(step);
    drawn.push(prompts.drawn.map(({ step }) => step));
    return ids(prompts.examples);
  });
  assert.deepEqual(taken, expected);
  assert.deepEqual(drawn, [[1, 2, 3], [4], [5], [], []]);
});

Deno.test("a position is that of the next step, also where later ones are drawn", () => {
  const first = new StepsAhead(batches(), 2, 6);
  first.take(1);
  first.take(2);
  const { position } = first;
  const rest = [3, 4, 5, 6].map((step) => ids(first.take(step).examples));
  for (const ahead of [0, 2]) {
    const second = new StepsAhead(batches(), ahead, 6);
    second.position = position;
    assert.deepEqual([3, 4, 5, 6].map((step) => ids(second.take(step).examples)), rest);
  }
});

Deno.test("stale rollouts need workers", () => {
  assert.throws(
    () => checkStaleness({ config: { staleness: 1 } }),
    /`staleness` 1 is for runs with workers/,
  );
  checkStaleness({ config: { staleness: 0 } });
});
