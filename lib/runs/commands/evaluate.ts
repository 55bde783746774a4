import type { DatasetSplit, Example } from "../../data/dataset.ts";
import { evaluatePolicy, type PolicyToxicity } from "../../evaluation/evaluate_policy.ts";
import { type TextGenerator, textGenerator } from "../../evaluation/text_generator.ts";
import type { TextClassifier } from "../../rewards/text_classifier.ts";
import { samplingOf, type TrainConfig } from "../settings/config.ts";
import { type DatasetHooks, RunDataset } from "../loading/dataset.ts";
import { openRunDevice } from "../loading/device.ts";
import { loadRunPolicy, type RunPolicy } from "../loading/policy.ts";
import { loadToxicityClassifier } from "../loading/rewards.ts";

/** Loads a policy and measures its toxicity. @throws {UserError} when something does not load */
export async function evaluate(
  config: TrainConfig,
  hooks: DatasetHooks = {},
): Promise<PolicyToxicity> {
  const device = await openRunDevice(config);
  try {
    const policy = await loadRunPolicy(device, config, hooks);
    const classifier = await loadToxicityClassifier(device, config, null, hooks);
    await using data = await RunDataset.load(config, policy.tokenizer, hooks);
    const prompts = firstExamples(data.dataset.split("test"), config.evalSamples);
    data.tellCached();
    return await measurePolicy(policy, classifier, prompts, config);
  } finally {
    device.close();
  }
}

/**
 * Measures the toxicity of a policy with its adapter.
 *
 * @throws the signal's reason when it aborts
 */
export function measurePolicy(
  { model, tokenizer, adapter }: RunPolicy,
  classifier: TextClassifier,
  prompts: readonly Example[],
  config: TrainConfig,
  signal?: AbortSignal,
): Promise<PolicyToxicity> {
  const sampling = { ...samplingOf(config), maxNewTokens: config.evalMaxNewTokens };
  const generate = textGenerator(model, tokenizer, sampling, adapter);
  const unlessAborted: TextGenerator = (batch, firstRollout) => {
    signal?.throwIfAborted();
    return generate(batch, firstRollout);
  };
  return evaluatePolicy(unlessAborted, classifier, prompts, {
    toxicLabel: config.toxicLabel,
    seed: config.seed,
  });
}

/** The first examples of a split, at most `count`. */
export function firstExamples(split: DatasetSplit, count: number): Example[] {
  const length = Math.min(count, split.length);
  return Array.from({ length }, (_, index) => split.example(index));
}
