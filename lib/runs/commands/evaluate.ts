import type { PolicyToxicity } from "../../evaluation/evaluate_policy.ts";
import { measurePolicy } from "../kinds/toxicity.ts";
import {
  type DatasetHooks,
  firstExamples,
  RunDataset,
  unknownTokensNotice,
} from "../loading/dataset.ts";
import { openRunDevice } from "../loading/device.ts";
import { loadRunPolicy } from "../loading/policy.ts";
import { loadToxicityClassifier } from "../loading/rewards.ts";
import { checkTextLengths, promptsOfExamples } from "../loading/text_length.ts";
import type { TrainConfig } from "../settings/config.ts";

/** Loads a policy and measures its toxicity. @throws {UserError} when something does not load */
export async function evaluate(
  config: TrainConfig,
  hooks: DatasetHooks = {},
): Promise<PolicyToxicity> {
  const device = await openRunDevice(config, hooks.info);
  try {
    const policy = await loadRunPolicy(device, config, hooks);
    const classifier = await loadToxicityClassifier(device, config, null, hooks);
    await using data = await RunDataset.load(config, policy.tokenizer, hooks);
    const prompts = firstExamples(data.dataset.split("test"), config.evalSamples);
    const unknown = unknownTokensNotice(prompts, policy.tokenizer);
    const long = checkTextLengths(policy.model, promptsOfExamples(prompts), {
      newTokens: config.evalMaxNewTokens,
      setting: "evalMaxNewTokens",
    });
    for (const notice of [long, unknown]) if (notice !== null) hooks.info?.(notice);
    data.reportCache();
    return await measurePolicy(policy, classifier, prompts, config);
  } finally {
    device.close();
  }
}
