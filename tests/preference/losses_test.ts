import assert from "node:assert/strict";
import { DPO_LOSS_TYPES, dpoLoss } from "../../lib/preference/dpo_loss.ts";
import { ktoLoss } from "../../lib/preference/kto_loss.ts";
import { orpoLoss } from "../../lib/preference/orpo_loss.ts";
import { rewardLoss } from "../../lib/preference/reward_loss.ts";

interface Pair {
  loss: number;
  chosen: number;
  rejected: number;
}

function assertSlopes(loss: (chosen: number, rejected: number) => Pair, a: number, d: number) {
  const h = 1e-5;
  const close = (actual: number, expected: number) =>
    assert.ok(
      Math.abs(actual - expected) < 1e-7 * (1 + Math.abs(expected)),
      `${actual}, ${expected}`,
    );
  const { chosen, rejected } = loss(a, d);
  close(chosen, (loss(a + h, d).loss - loss(a - h, d).loss) / (2 * h));
  close(rejected, (loss(a, d + h).loss - loss(a, d - h).loss) / (2 * h));
}

for (const lossType of DPO_LOSS_TYPES) {
  Deno.test(`slopes of ${lossType} are its differences, without overflow far away`, () => {
    const options = { lossType, beta: 0.3, labelSmoothing: 0.1 };
    for (const [a, d] of [[0, 0], [2, -1], [-4, 3], [0.5, 0.2]]) {
      assertSlopes((a, d) => dpoLoss(a, d, options), a, d);
    }
    const { loss, chosen, rejected } = dpoLoss(-5000, 5000, options);
    assert.ok([loss, chosen, rejected].every(Number.isFinite));
  });
}

Deno.test("a policy that is the reference has a DPO loss of ln 2", () => {
  const { loss } = dpoLoss(0, 0, { lossType: "sigmoid", beta: 0.1, labelSmoothing: 0.25 });
  assert.ok(Math.abs(loss - Math.LN2) < 1e-15);
});

Deno.test("slopes of a reward model's loss are its differences, with margin and centring", () => {
  for (const [chosen, rejected] of [[0, 0], [1.5, -2], [-3, 0.1]]) {
    assertSlopes((c, r) => rewardLoss(c, r, 0.7, 0.02), chosen, rejected);
  }
  assert.ok(Math.abs(rewardLoss(0, 0).loss - Math.LN2) < 1e-15);
});

Deno.test("slopes of ORPO's loss are its differences; equal answers have odds of one", () => {
  for (const [chosen, rejected] of [[-0.5, -0.5], [-0.1, -2], [-3, -0.02]]) {
    assertSlopes((c, r) => orpoLoss(c, r, 0.1), chosen, rejected);
  }
  assert.equal(orpoLoss(-0.5, -0.5, 0.1).logOddsRatio, 0);
});

Deno.test("slopes of KTO's loss are its differences, and point apart for the two kinds", () => {
  const options = { beta: 0.1, desirableWeight: 1.5, undesirableWeight: 0.5 };
  const h = 1e-5;
  for (const desirable of [true, false]) {
    for (const ratio of [-20, 0.3, 7]) {
      const at = (ratio: number) => ktoLoss(ratio, desirable, 1.2, options);
      const expected = (at(ratio + h).loss - at(ratio - h).loss) / (2 * h);
      assert.ok(Math.abs(at(ratio).slope - expected) < 1e-8);
      assert.equal(Math.sign(at(ratio).slope), desirable ? -1 : 1);
    }
  }
});
