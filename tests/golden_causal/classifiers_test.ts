/** Classifiers with one label, as TRL's reward models, against the stack's scores. */
import assert from "node:assert/strict";
import { SequenceClassifier } from "../../lib/models/sequence_classifier.ts";
import { isThere } from "../../lib/platform/files.ts";
import { join } from "../../lib/platform/paths.ts";
import { deviceTest } from "../device.ts";
import { assertScalarClose } from "../golden/cases.ts";
import { goldenCausalDir, readCase } from "./folder.ts";

/** Rewards of the first step, which come from the adapter as it is. */
interface RewardCase {
  batches: { chosen: number[]; rejected: number[] }[][];
  steps: { batch: number; rewards_chosen: number[]; rewards_rejected: number[] }[];
}

for (const kind of ["reward-llama", "reward-roberta"]) {
  if (!isThere(join(goldenCausalDir, kind))) continue;
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

/** Scores of TRL's get_reward: of padded batches, and of each text alone. */
interface GetReward {
  queries: number[][];
  responses: number[][];
  scores: number[];
  alone: number[];
}

if (isThere(join(goldenCausalDir, "reward-llama"))) {
  const folder = join(goldenCausalDir, "reward-llama", "checkpoint");

  deviceTest(
    "reward-llama: TRL's get_reward, padding at the end changes nothing",
    async (device) => {
      const { queries, responses, scores, alone } = readCase<GetReward>(
        "reward-llama",
        "get_reward.json",
      );
      const classifier = await SequenceClassifier.load(device, folder);
      const texts = queries.map((query, i) => [...query, ...responses[i]]);
      const found = await classifier.tokenLogits(texts);
      found.forEach(([score], i) => {
        assertScalarClose(score, scores[i], `score ${i}`);
        assertScalarClose(score, alone[i], `score ${i} alone`);
      });
      const { pad_token_id } = readCase<{ pad_token_id: number }>(
        "reward-llama",
        "checkpoint",
        "config.json",
      );
      const padded = texts.map((ids) => [...ids, pad_token_id, pad_token_id]);
      assert.deepEqual(await classifier.tokenLogits(padded), found);
      assert.deepEqual(await classifier.tokenLogits([padded[1]]), [found[1]]);
    },
  );
}
