import type { Example } from "../../../data/dataset.ts";
import type { TextClassifier } from "../../../rewards/text_classifier.ts";
import type { TrainConfig } from "../../settings/config.ts";
import { firstExamples, RunDataset, unknownTokensNotice } from "../../loading/dataset.ts";
import { checkStepMemory, estimateStepMemory, type StepShape } from "../../loading/memory.ts";
import { countParameters, describeParameters } from "../../../models/parameter_count.ts";
import { loadRunPolicy, type RunPolicy } from "../../loading/policy.ts";
import { PromptBatches } from "../../loading/prompt_batches.ts";
import {
  checkTextLengths,
  promptsOfExamples,
  promptsOfSplit,
  type TextEnd,
} from "../../loading/text_length.ts";
import { locateClassifier } from "../../loading/classifiers.ts";
import { type LoadedRewards, loadRewards, loadToxicityClassifier } from "../../loading/rewards.ts";
import { locateSources, rewardSources, templateSource } from "../../loading/sources.ts";
import type { RunContext } from "../run_task.ts";

/** Models, rewards and data of a PPO run, loaded and checked. */
export interface Ingredients {
  /** Policy, as it is before the first step. */
  policy: RunPolicy;
  /** Rewards of training. */
  loadedRewards: LoadedRewards;
  /** Classifier that measures toxicity. */
  toxicityClassifier: TextClassifier;
  /** Dataset; to be disposed of when the run ends. */
  data: RunDataset;
  /** Batches of prompts to train on, without end. */
  batches: PromptBatches;
  /** Prompts to measure on. */
  evalPrompts: Example[];
  /** Paths of what was loaded, by the names that messages use. */
  sources: Record<string, string>;
}

/** An ordinary step with the longest responses; prompts are tokenized only when they are drawn. */
function stepShape(
  config: TrainConfig,
  { adapter }: RunPolicy,
  examples: readonly Example[],
): StepShape {
  return {
    promptTokens: examples.map(({ inputIds }) => inputIds.length),
    newTokens: longestRollout(config).newTokens,
    miniBatchSize: config.miniBatchSize,
    frozenReference: config.reference === "initial" && !adapter.changesNothing,
    activationMemory: config.activationMemory,
  };
}

/** Longest response of a rollout, and the setting that says so. */
function longestRollout({ maxNewTokens, outputMaxLength }: TrainConfig): TextEnd {
  return maxNewTokens === null
    ? { newTokens: outputMaxLength - 1, setting: "outputMaxLength" }
    : { newTokens: maxNewTokens, setting: "maxNewTokens" };
}

/**
 * Loads and checks all that a run needs, and tells about it.
 *
 * @throws {UserError} when something is missing or broken, or does not go together
 * @throws {OutOfMemoryError} when training would not fit on the device
 */
export async function loadIngredients(
  context: RunContext<TrainConfig>,
): Promise<Ingredients> {
  const { device, config, hooks } = context;
  const paths = await locateSources(config, hooks);
  const policy = await loadRunPolicy(device, { ...config, ...paths }, hooks);
  const loadedRewards = await loadRewards(device, config, hooks);
  const toxicityClassifier = await loadToxicityClassifier(
    device,
    config,
    loadedRewards.classifier,
    hooks,
  );
  const data = await RunDataset.loadFor(context, { ...config, ...paths }, policy.tokenizer);
  const { dataset } = data;
  const batches = new PromptBatches(dataset.split("train"), config.batchSize, config.seed);
  const evalPrompts = firstExamples(dataset.split("test"), config.evalSamples);
  const lengths = [
    checkTextLengths(policy.model, promptsOfSplit(dataset.split("train")), longestRollout(config)),
    checkTextLengths(policy.model, promptsOfExamples(evalPrompts), {
      newTokens: config.evalMaxNewTokens,
      setting: "evalMaxNewTokens",
    }),
  ];
  // A faulty reward shows here, before anything is measured or written.
  await loadedRewards.rewards.score(
    evalPrompts.slice(0, config.batchSize).map(({ query, summary, columns }) => ({
      query,
      // Where there are no references, any text: an empty one is a special case for many rewards.
      response: summary === "" ? query : summary,
      columns,
    })),
  );
  const sources: Record<string, string> = {
    ...paths,
    ...templateSource(paths.model, config),
    ...await rewardSources(config.reward, hooks),
  };
  if (config.toxicityModel !== null) {
    const { folder } = await locateClassifier(config.toxicityModel, hooks);
    sources["toxicity model"] = folder;
  }
  hooks.info?.(`device: ${device.description}`);
  const firstPrompts = firstExamples(dataset.split("train"), config.batchSize);
  const unknown = unknownTokensNotice([...evalPrompts, ...firstPrompts], policy.tokenizer);
  for (const notice of [...lengths, unknown]) if (notice !== null) hooks.info?.(notice);
  const shape = stepShape(config, policy, firstPrompts);
  hooks.info?.(checkStepMemory(device, estimateStepMemory(policy, shape)));
  hooks.info?.(dataset.describe());
  data.reportCache();
  hooks.info?.(describeParameters(countParameters(policy).withValueHead));
  return { policy, loadedRewards, toxicityClassifier, data, batches, evalPrompts, sources };
}
