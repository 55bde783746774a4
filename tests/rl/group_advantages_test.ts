import assert from "node:assert/strict";
import {
  groupAdvantages,
  isWithoutSpread,
  leaveOneOutAdvantages,
} from "../../lib/rl/group_advantages.ts";

const groups = [[0, 2], [1, 3]];
const rewards = [1, 5, 3, 5];
const close = (actual: ArrayLike<number>, expected: readonly number[]) =>
  expected.forEach((value, i) => assert.ok(Math.abs(actual[i] - value) < 1e-12, `${actual[i]}`));

Deno.test("an advantage is the distance from the group's mean in stds of the group", () => {
  const { advantages, means, stds } = groupAdvantages(rewards, groups, "group");
  const unit = 1 / (Math.SQRT2 + 1e-4);
  close(advantages, [-unit, 0, unit, 0]);
  close(means, [2, 5]);
  close(stds, [Math.SQRT2, 0]);
});

Deno.test("the std of the batch scales every group alike; none leaves the differences", () => {
  const std = Math.sqrt(((1 - 3.5) ** 2 + 2 * 1.5 ** 2 + 0.5 ** 2) / 3);
  close(groupAdvantages(rewards, groups, "batch").advantages, [
    -1 / (std + 1e-4),
    0,
    1 / (std + 1e-4),
    0,
  ]);
  close(groupAdvantages(rewards, groups, "none").advantages, [-1, 0, 1, 0]);
});

Deno.test("a rollout in no group, without a reward, has no part in the std of the batch", () => {
  const { advantages } = groupAdvantages([1, 5, 3, 5, NaN], groups, "batch");
  assert.deepEqual([...advantages], [...groupAdvantages(rewards, groups, "batch").advantages, 0]);
});

Deno.test("equal rewards are without spread, also where their mean is rounded", () => {
  const { stds } = groupAdvantages([0.1, 0.1, 0.1, 0, 0, 1e-6], [[0, 1, 2], [3, 4, 5]], "group");
  assert.notEqual(stds[0], 0);
  assert.deepEqual(Array.from(stds, isWithoutSpread), [true, false]);
});

Deno.test("a leave-one-out advantage is the distance from the mean of the others", () => {
  close(leaveOneOutAdvantages([1, 2, 6, 4, 4, 4], [[0, 1, 2], [3, 4, 5]]), [
    -3,
    -1.5,
    4.5,
    0,
    0,
    0,
  ]);
});
