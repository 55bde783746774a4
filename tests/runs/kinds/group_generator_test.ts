import assert from "node:assert/strict";
import { groupSampling } from "../../../lib/runs/kinds/group/generator.ts";
import { resolveGrpoRunConfig } from "../../../lib/runs/settings/group_config.ts";

Deno.test("every setting of sampling reaches the generation of a group", () => {
  const settings = {
    topK: 5,
    topP: 0.5,
    minP: 0.25,
    minNewTokens: 2,
    repetitionPenalty: 1.5,
    stopStrings: ["x"],
    seed: 7,
  };
  const sampling = groupSampling(resolveGrpoRunConfig(settings));
  assert.deepEqual(sampling, { doSample: true, ...settings });
});
