import assert from "node:assert/strict";
import { UserError } from "../../lib/errors.ts";
import { Random } from "../../lib/random.ts";
import { LengthSampler } from "../../lib/rl/length_sampler.ts";

Deno.test("lengths are uniform over the range, its upper bound excluded", () => {
  const sampler = new LengthSampler(4, 8, new Random(5));
  const counts = new Map<number, number>();
  for (let i = 0; i < 4000; i++) {
    const length = sampler.sample();
    counts.set(length, (counts.get(length) ?? 0) + 1);
  }
  assert.deepEqual([...counts.keys()].sort(), [4, 5, 6, 7]);
  for (const count of counts.values()) assert.ok(Math.abs(count - 1000) < 120, `${count}`);
});

Deno.test("the same seed draws the same lengths", () => {
  const draw = (seed: number) => {
    const sampler = new LengthSampler(100, 400, new Random(seed));
    return Array.from({ length: 8 }, () => sampler.sample());
  };
  assert.deepEqual(draw(1), draw(1));
  assert.notDeepEqual(draw(1), draw(2));
});

Deno.test("an empty range is refused with its bounds", () => {
  assert.throws(
    () => new LengthSampler(5, 5, new Random(0)),
    (error) => error instanceof UserError && /from 5 up to but not including 5/.test(error.message),
  );
  assert.throws(() => new LengthSampler(0, 5, new Random(0)), UserError);
  assert.throws(() => new LengthSampler(1.5, 5, new Random(0)), UserError);
});
