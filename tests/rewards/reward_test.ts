import assert from "node:assert/strict";
import { UserError } from "../../lib/errors.ts";
import { callReward, type RewardFunction } from "../../lib/rewards/reward.ts";

const samples = [
  { query: "Are you well?", response: "Quite." },
  { query: "And now?", response: "Not really." },
];

function fails(reward: unknown, ...parts: RegExp[]): Promise<void> {
  return assert.rejects(
    callReward("kind.ts", reward as RewardFunction, samples),
    (error: Error) => {
      assert.ok(error instanceof UserError);
      for (const part of [/kind\.ts/, ...parts]) assert.match(error.message, part);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    },
  );
}

Deno.test("callReward: passes scores through, from plain and async functions", async () => {
  const lengths: RewardFunction = (batch) => batch.map(({ response }) => response.length);
  assert.deepEqual(await callReward("length", lengths, samples), [6, 11]);
  assert.deepEqual(await callReward("length", async (b) => await lengths(b), samples), [6, 11]);
});

Deno.test("callReward: a function that throws is named, its error kept as cause", async () => {
  const cause = new TypeError("no such thing");
  await fails(
    () => {
      throw cause;
    },
    /threw/,
    /no such thing/,
  );
  await fails(() => Promise.reject("just text"), /just text/);
  await fails(
    () => Promise.reject(new Error("first line\nsecond")),
    /first line \(\/.*reward_test\.ts:\d+\)$/,
  );
  await assert.rejects(
    callReward("r", () => Promise.reject(cause), samples),
    (error: Error) => error.cause === cause,
  );
});

Deno.test("callReward: a UserError of the reward's own is not wrapped", async () => {
  const own = new UserError("The model folder is gone");
  await assert.rejects(callReward("r", () => Promise.reject(own), samples), own);
});

Deno.test("callReward: refuses a wrong count and what is no array", async () => {
  await fails(() => [1], /1 score for 2 samples/);
  await fails(() => [1, 2, 3], /3 scores for 2 samples/);
  await fails(() => 5, /returned 5;/, /array of 2 numbers/);
  await fails(() => undefined, /returned undefined/);
});

Deno.test("callReward: refuses what is no finite number, by index and value", async () => {
  await fails(() => [1, NaN], /NaN for sample 1/, /"Not really\."/);
  await fails(() => [Infinity, 1], /Infinity for sample 0/);
  await fails(() => [1, "2"], /the string "2" for sample 1/);
  await fails(() => [null, 1], /null for sample 0/, /only algorithms on groups/);
  const holed: number[] = [1];
  holed.length = 2;
  await fails(() => holed, /undefined for sample 1/);
});

Deno.test("callReward: what a reward changes later or in its samples changes nothing", async () => {
  const batch = [{ query: "q", response: "rude", columns: { list: [1] } }];
  const kept = [1];
  const scores = await callReward("r", (given) => {
    given[0].response = "kind";
    (given[0].columns!.list as number[]).push(2);
    given.pop();
    return kept;
  }, batch);
  kept[0] = 9;
  assert.deepEqual(scores, [1]);
  assert.deepEqual(batch, [{ query: "q", response: "rude", columns: { list: [1] } }]);
});
