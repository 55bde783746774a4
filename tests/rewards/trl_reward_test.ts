import assert from "node:assert/strict";
import { trlReward } from "../../lib/rewards/trl_reward.ts";

Deno.test("trlReward: prompts, completions, and a list for each column that any row has", async () => {
  const samples = [
    { query: "a", response: "x", columns: { topic: "food", n: 0 } },
    { query: "b", response: "y", columns: { topic: "work", late: true } },
    { query: "c", response: "z" },
  ];
  const calls: unknown[][] = [];
  const reward = trlReward((...args) => {
    calls.push(args);
    return Promise.resolve([1, 2, 3]);
  });
  assert.deepEqual(await reward(samples), [1, 2, 3]);
  assert.deepEqual(calls, [[
    ["a", "b", "c"],
    ["x", "y", "z"],
    { topic: ["food", "work", null], n: [0, null, null], late: [null, true, null] },
  ]]);
});
