import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { SideBySide } from "../../../lib/runs/commands/side_by_side.ts";
import { resolveGrpoRunConfig } from "../../../lib/runs/settings/group_config.ts";
import { demoModelDir } from "../../demo_model.ts";

const ADAPTER = fileURLToPath(new URL("../../golden/cases/adapter", import.meta.url));

Deno.test("a reward that compares with a column says nothing of a text; the others count", async () => {
  const config = resolveGrpoRunConfig({
    model: demoModelDir,
    reward: ["exact", "length:1000"],
    rewardWeights: [1, 2],
    maxCompletionLength: 4,
    device: "wasm",
  });
  const both = await SideBySide.open(config, ADAPTER);
  try {
    const { base, adapter } = await both.answer({ text: "Hello.", temperature: 0, chat: null });
    for (const { reward, rewards } of [base, adapter]) {
      assert.deepEqual([reward, rewards], [2, { length: 1 }]);
    }
  } finally {
    both.close();
  }
});
