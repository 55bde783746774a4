/** TRL's `PPOTrainer.step`, three times in a row, for each setting that was recorded. */
import { loadPolicy } from "../../lib/models/policy.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import { join } from "../../lib/platform/paths.ts";
import { deviceTest } from "../device.ts";
import { goldenDir, loadCase, modelDir } from "./cases.ts";
import { filesIn } from "./entries.ts";
import { assertPPOCase, type PPOCase } from "./ppo_case.ts";

for (const file of filesIn(goldenDir)) {
  const name = file.match(/^(ppo_.*)\.json$/)?.[1];
  if (!name) continue;
  deviceTest(`golden ${name}`, async (device) => {
    const model = await loadLanguageModel(device, modelDir);
    const policy = await loadPolicy(model, join(goldenDir, "adapter"), 0);
    // The decoder's sequence as it stands, without its first position.
    await assertPPOCase(policy, loadCase<PPOCase>(name), (_, { length }) => [1, length - 1]);
  });
}
