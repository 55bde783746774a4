import assert from "node:assert/strict";
import { checkFull, checkPrompt, checkRewardWeights } from "../../../lib/runs/settings/checks.ts";

Deno.test("a prompt without a place for the text is refused", () => {
  checkPrompt({ prompt: "Summarize: {dialogue}" });
  assert.throws(() => checkPrompt({ prompt: "Summarize." }), {
    name: "UserError",
    message: '`prompt` "Summarize." has no {dialogue}: put it where the text belongs',
  });
});

Deno.test("weights of another number of rewards are refused", () => {
  checkRewardWeights({ reward: ["a", "b"], rewardWeights: null });
  checkRewardWeights({ reward: ["a", "b"], rewardWeights: [1, 2] });
  assert.throws(() => checkRewardWeights({ reward: ["a", "b"], rewardWeights: [] }), {
    name: "UserError",
    message: "`rewardWeights` has 0 numbers for 2 rewards: give one for each",
  });
});

Deno.test("training of all weights starts from no adapter, in f32", () => {
  checkFull({ full: true, adapter: null, dtype: "f32" });
  checkFull({ full: false, adapter: "a", dtype: "bf16" });
  assert.throws(() => checkFull({ full: true, adapter: "a", dtype: "f32" }), /give one of them/);
  assert.throws(() => checkFull({ full: true, adapter: null, dtype: "bf16" }), /`dtype` is bf16/);
});
