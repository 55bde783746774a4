/** Classifiers with one label, as TRL's reward models, against the stack's scores. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { SequenceClassifier } from "../../lib/models/sequence_classifier.ts";
import { deviceTest } from "../device.ts";
import { assertScalarClose } from "../golden/cases.ts";
import { goldenCausalDir, readCase } from "./folder.ts";

/** Rewards of the first step, which come from the adapter as it is. */
interface RewardCase {
  batches: { chosen: number[]; rejected: number[] }[][];
  steps: { batch: number; rewards_chosen: number[]; rewards_rejected: number[] }[];
}

for (const kind of ["reward-roberta"]) {
  if (!existsSync(join(goldenCausalDir, kind))) continue;
  deviceTest(`${kind}: scores of an adapter with its head`, async (device) => {
    const [checkpoint, adapter] = ["checkpoint", "adapter"].map((name) =>
      join(goldenCausalDir, kind, name)
    );
    const classifier = await SequenceClassifier.load(device, checkpoint, { adapter });
    assert.deepEqual(classifier.labels, ["LABEL_0"]);
    const { batches, steps: [first] } = readCase<RewardCase>(kind, "reward_plain.json");
    const pairs = batches[first.batch];
    for (const side of ["chosen", "rejected"] as const) {
      const scores = await classifier.tokenLogits(pairs.map((pair) => pair[side]));
      first[`rewards_${side}`].forEach((expected, i) =>
        assertScalarClose(scores[i][0], expected, `${side} ${i}`)
      );
    }
  });
}
