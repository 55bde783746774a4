import { loadAdapter } from "../../models/policy.ts";
import { comparePolicies, type ComparisonRow } from "../../evaluation/compare.ts";
import { textGenerator } from "../../evaluation/text_generator.ts";
import { samplingOf, type TrainConfig } from "../settings/config.ts";
import { type DatasetHooks, firstExamples, RunDataset } from "../loading/dataset.ts";
import { openRunDevice } from "../loading/device.ts";
import { locate } from "../loading/locate.ts";
import { loadRunPolicy } from "../loading/policy.ts";
import { loadRewards } from "../loading/rewards.ts";
import { checkTextLengths, promptsOfExamples } from "../loading/text_length.ts";

/** Adapters and prompts to compare. */
export interface ComparisonOptions {
  /** Folder of the adapter before; null for the model without any. */
  before: string | null;
  /** Folder of the adapter after. */
  after: string;
  /** Prompts of the test split, at most. */
  samples: number;
}

/**
 * Lets a model respond to the same prompts with two adapters.
 *
 * @returns a row per prompt, the largest gain in reward first
 * @throws {UserError} when something does not load
 */
export async function compare(
  config: TrainConfig,
  options: ComparisonOptions,
  hooks: DatasetHooks = {},
): Promise<ComparisonRow[]> {
  const device = await openRunDevice(config, hooks.info);
  try {
    const after = { ...config, adapter: options.after };
    const { model, tokenizer, adapter } = await loadRunPolicy(device, after, hooks);
    const before = options.before === null
      ? null
      : await loadAdapter(model, await locate("model", options.before, hooks));
    const { rewards } = await loadRewards(device, config, hooks);
    await using data = await RunDataset.load(config, tokenizer, hooks);
    const prompts = firstExamples(data.dataset.split("test"), options.samples);
    const long = checkTextLengths(model, promptsOfExamples(prompts), {
      newTokens: config.evalMaxNewTokens,
      setting: "evalMaxNewTokens",
    });
    if (long !== null) hooks.info?.(long);
    data.reportCache();
    const sampling = { ...samplingOf(config), maxNewTokens: config.evalMaxNewTokens };
    return await comparePolicies(
      textGenerator(model, tokenizer, sampling, before),
      textGenerator(model, tokenizer, sampling, adapter),
      prompts,
      async (samples) => (await rewards.score(samples)).totals,
    );
  } finally {
    device.close();
  }
}
