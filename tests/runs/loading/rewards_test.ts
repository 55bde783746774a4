import assert from "node:assert/strict";
import { join } from "node:path";
import {
  checkRewardColumns,
  loadRewards,
  loadToxicityClassifier,
  rewardNames,
} from "../../../lib/runs/loading/rewards.ts";
import { withDevice } from "../../device.ts";
import { goldenCausalDir } from "../../golden_causal/folder.ts";
import { FakeClassifier } from "../../rewards/fake_classifier.ts";

const REWARD_MODEL = join(goldenCausalDir, "reward-llama", "checkpoint");
const settings = { reward: [REWARD_MODEL], rewardWeights: null, rewardLabel: null };
const samples = [{ query: "Tom likes ", response: "the film.", columns: {} }];

Deno.test("a reward model rewards with its logit, or with the sigmoid of it", () =>
  withDevice(async (device) => {
    const score = async (rewardMode: "logits" | "softmax") => {
      const { rewards, classifier } = await loadRewards(device, { ...settings, rewardMode });
      assert.deepEqual(classifier?.labels, ["LABEL_0"]);
      return (await rewards.score(samples)).totals[0];
    };
    const logit = await score("logits");
    assert.equal(await score("softmax"), 1 / (1 + Math.exp(-logit)));
  }));

Deno.test("toxicity is measured with a classifier among the rewards, not with a reward model", () =>
  withDevice(async (device) => {
    const { classifier } = await loadRewards(device, { ...settings, rewardMode: "logits" });
    const load = (toxicLabel: string, rewarding = classifier) =>
      loadToxicityClassifier(device, { toxicityModel: null, toxicLabel }, rewarding);
    assert.deepEqual((await load("hate")).labels, ["nothate", "hate"]);
    assert.equal(await load("LABEL_0"), classifier);
    const several = new FakeClassifier();
    assert.equal(await load("hate", several), several);
    await assert.rejects(load("toxic", several), /"toxic" is not one of/);
  }));

Deno.test("ready rewards of one name are told apart by what follows it", () =>
  withDevice(async (device) => {
    const reward = ["format:^a", "format:b$", "length:4"];
    const { rewards } = await loadRewards(device, { ...settings, reward, rewardMode: "logits" });
    assert.deepEqual(rewards.rewards.map(({ name }) => name), ["format:^a", "format:b$", "length"]);
  }));

Deno.test("rewards keep their places, and two of one name are told apart", () => {
  const names: [settings: string[], names: string[]][] = [
    [["length:9", "runs/3"], ["length", "runs-3"]],
    [["length:9", "./3"], ["length", "reward ./3"]],
    [["runs/3", "old/runs-3"], ["reward runs/3", "runs-3"]],
    [["runs/a/model", "runs/b/model"], ["a-model", "b-model"]],
    [["runs/judge/model", "length:9"], ["judge-model", "length"]],
    [["judge/adapter/", "model"], ["judge-adapter", "reward model"]],
    [["a/x.ts", "b/a/x.ts", "y.ts"], ["reward a/x.ts", "reward b/a/x.ts", "y.ts"]],
    [["org/hate", "C:\\models\\kind\\"], ["hate", "kind"]],
  ];
  for (const [settings, expected] of names) {
    assert.deepEqual(rewardNames(settings), expected);
    assert.deepEqual(Object.keys(Object.fromEntries(expected.map((name) => [name, 0]))), expected);
  }
});

Deno.test("a ready reward whose column the dataset lacks is refused", () => {
  checkRewardColumns(["exact", "number:key", "length:4"], ["prompt", "key", "solution"]);
  for (const reward of ["exact", "number:key"]) {
    assert.throws(() => checkRewardColumns([reward], ["prompt", "text"]), {
      name: "UserError",
      message: new RegExp(`^the reward ${reward} reads .*\\(prompt, text\\), such as`),
    });
  }
});

Deno.test("a misspelt ready reward is told apart from a missing folder", () =>
  withDevice(async (device) => {
    const load = (reward: string) =>
      loadRewards(device, { ...settings, reward: [reward], rewardMode: "logits" });
    await assert.rejects(load("sentimental"), {
      name: "UserError",
      message:
        /^there is neither .* "sentimental": did you mean sentiment\? \(ready rewards: exact, /,
    });
    await assert.rejects(load("xyz"), /ready reward "xyz": ready rewards: exact/);
    await assert.rejects(load("./xyz"), /expected a folder/);
  }));
