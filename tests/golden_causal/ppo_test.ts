/** TRL's `PPOTrainer.step` on decoder-only models, three times in a row. */
import { loadPolicy } from "../../lib/models/policy.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import { deviceTest } from "../device.ts";
import { assertPPOCase, type PPOCase } from "../golden/ppo_case.ts";
import { casesOf, families, familyCase, familyFolder, foldersOf } from "./families.ts";

for (const family of families) {
  const checkpoints = foldersOf(family, "checkpoint");
  const adapters = foldersOf(family, "adapter");
  for (const name of casesOf(family, "ppo_")) {
    // The first of the files, and the last of each: GPT-2's and PEFT's old ones.
    const pairs = new Set([0, -1].map((i) => [checkpoints.at(i)!, adapters.at(i)!].join()));
    for (const [checkpoint, adapter] of Array.from(pairs, (pair) => pair.split(","))) {
      deviceTest(`golden ${family}/${checkpoint}, ${adapter}: ${name}`, async (device) => {
        const model = await loadLanguageModel(device, familyFolder(family, checkpoint));
        const policy = await loadPolicy(model, familyFolder(family, adapter), 0);
        // Queries and responses are one sequence, whose token t is predicted at t - 1.
        await assertPPOCase(policy, familyCase<PPOCase>(family, name), (query, response) => [
          query.length - 1,
          query.length + response.length - 1,
        ]);
      });
    }
  }
}
