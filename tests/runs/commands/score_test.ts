import assert from "node:assert/strict";
import { join } from "node:path";
import { scoreTexts } from "../../../lib/runs/commands/score.ts";
import { demoRewardDir } from "../../demo_model.ts";
import { withTempDir } from "../../temp_dir.ts";

/** Scores one text with the demo's classifier, whose config.json has been changed. */
async function score(changes: Record<string, unknown>, toxicLabel: string | null = "hate") {
  let scores: Awaited<ReturnType<typeof scoreTexts>> | null = null;
  await withTempDir(async (dir) => {
    for await (const { name } of Deno.readDir(demoRewardDir)) {
      await Deno.copyFile(join(demoRewardDir, name), join(dir, name));
    }
    const path = join(dir, "config.json");
    const config = JSON.parse(await Deno.readTextFile(path));
    await Deno.writeTextFile(path, JSON.stringify({ ...config, ...changes }));
    scores = await scoreTexts(dir, ["you fool"], toxicLabel, { device: "wasm" });
  });
  return { ...scores!.texts[0], maximum: scores!.maximum };
}

Deno.test("score: probabilities and toxicity follow problem_type", async () => {
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
  const one = await score({});
  const { nothate, hate } = one.logits;
  assert.ok(Math.abs(one.toxicity! - sigmoid(hate - nothate)) < 1e-12);
  const several = await score({ problem_type: "multi_label_classification" });
  assert.deepEqual(several.logits, one.logits);
  assert.deepEqual(several.probabilities, { nothate: sigmoid(nothate), hate: sigmoid(hate) });
  assert.equal(several.toxicity, sigmoid(hate));
  const amount = await score({ problem_type: "regression" });
  assert.equal(amount.toxicity, hate);
});

Deno.test("score: a classifier with gelu under its old name gives the same logits", async () => {
  const { logits } = await score({});
  assert.deepEqual((await score({ hidden_act: "gelu_python" })).logits, logits);
});

Deno.test("score: a classifier without a toxic label has logits and probabilities alone", async () => {
  const named = { id2label: { 0: "bad", 1: "good" } };
  const { logits, toxicity, maximum } = await score(named, null);
  assert.deepEqual([Object.keys(logits), toxicity, maximum], [["bad", "good"], null, null]);
  await assert.rejects(score(named), /the toxic label "hate" is not one of .* bad, good/);
  const { toxicity: found, probabilities } = await score({}, null);
  assert.equal(found, probabilities.hate);
});
