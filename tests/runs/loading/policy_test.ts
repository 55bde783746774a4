import assert from "node:assert/strict";
import { noteRecommendations } from "../../../lib/runs/loading/policy.ts";

Deno.test("recommendations of generation_config.json that are not followed are named in one line", () => {
  const lines: string[] = [];
  const hooks = { info: (text: string) => lines.push(text) };
  noteRecommendations({ recommendedSampling: { temperature: 0.7, do_sample: true } }, hooks);
  noteRecommendations({ recommendedSampling: {} }, hooks);
  assert.deepEqual(lines, [
    "the model's generation_config.json recommends temperature 0.7, do_sample true: not followed, " +
    "set options to draw tokens so",
  ]);
});
