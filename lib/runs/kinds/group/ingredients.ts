import type { DatasetSplit, Example } from "../../../data/dataset.ts";
import { Tokenizer } from "../../../data/tokenizer.ts";
import { UserError } from "../../../errors.ts";
import type { AdaptedModel } from "../../../training/adapter_trainer.ts";
import { firstExamples, RunDataset, unknownTokensNotice } from "../../loading/dataset.ts";
import { checkStepMemory, estimateAdapterMemory } from "../../loading/memory.ts";
import { describeParameters, type ParameterCount } from "../../../models/parameter_count.ts";
import { loadAdaptedModel } from "../../loading/policy.ts";
import { PromptBatches } from "../../loading/prompt_batches.ts";
import { checkTextLengths, promptsOfExamples, promptsOfSplit } from "../../loading/text_length.ts";
import { checkRewardColumns, type LoadedRewards, loadRewards } from "../../loading/rewards.ts";
import { locateSources, rewardSources, templateSource } from "../../loading/sources.ts";
import type { GroupRunConfig } from "../../settings/group_config.ts";
import type { RunContext } from "../run_task.ts";

/** Models, rewards and data of a run, loaded and checked. */
export interface GroupIngredients {
  /** Policy, as it is before the first step. */
  policy: AdaptedModel;
  tokenizer: Tokenizer;
  /** Numbers that are trained, and all numbers of the model. */
  count: ParameterCount;
  /** Rewards of training. */
  rewards: LoadedRewards;
  /** Rewards to measure. */
  evalRewards: LoadedRewards;
  /** Dataset; to be disposed of when the run ends. */
  data: RunDataset;
  /** Batches of prompts to train on, without end. */
  batches: PromptBatches;
  /** Prompts to measure on. */
  evalPrompts: Example[];
  /** Paths of what was loaded, by the names that messages use. */
  sources: Record<string, string>;
}

/**
 * Loads and checks all that a run needs, and tells about it.
 *
 * @throws {UserError} when something is missing or broken, or does not go together
 * @throws {OutOfMemoryError} when training would not fit on the device
 */
export async function loadGroupIngredients(
  context: RunContext<GroupRunConfig>,
): Promise<GroupIngredients> {
  const { device, config, hooks } = context;
  const paths = await locateSources(config, hooks);
  const tokenizer = await Tokenizer.load(paths.model);
  const { count, ...policy } = await loadAdaptedModel(device, paths, config);
  const { model, adapter } = policy;
  const rewards = await loadRewards(device, config, hooks);
  const evalRewards = config.evalReward === null ? rewards : await loadRewards(
    device,
    { ...config, reward: config.evalReward, rewardWeights: null },
    hooks,
  );
  const data = await RunDataset.loadFor(context, { ...config, ...paths }, tokenizer);
  const { dataset } = data;
  const [train, test] = [dataset.split("train"), dataset.split("test")];
  checkRewardColumns(config.reward, columnsOf(train));
  checkRewardColumns(config.evalReward ?? config.reward, columnsOf(test));
  const prompts = config.batchSize / config.numGenerations;
  if (train.length < prompts) {
    throw new UserError(
      `the train split has ${train.length} rows, too few for the ${prompts} prompts of a step ` +
        "(`batchSize` / `numGenerations`): make `batchSize` smaller, or give more rows",
    );
  }
  const batches = new PromptBatches(train, prompts, config.seed);
  const evalPrompts = firstExamples(test, config.evalSamples);
  const { maxCompletionLength, evalMaxNewTokens } = config;
  const rollout = { newTokens: maxCompletionLength, setting: "maxCompletionLength" };
  const lengths = [
    checkTextLengths(model, promptsOfSplit(train), rollout),
    checkTextLengths(
      model,
      promptsOfExamples(evalPrompts),
      evalMaxNewTokens === null
        ? rollout
        : { newTokens: evalMaxNewTokens, setting: "evalMaxNewTokens" },
    ),
  ];
  for (const { rewards: all } of new Set([rewards, evalRewards])) {
    // A faulty reward shows here, before anything is measured or written.
    await all.columns(
      evalPrompts.slice(0, config.batchSize).map(({ query, summary, columns }) => ({
        query,
        response: summary === "" ? query : summary,
        columns,
      })),
    );
  }
  const sources = {
    ...paths,
    ...templateSource(paths.model, config),
    ...await rewardSources([...config.reward, ...config.evalReward ?? []], hooks),
  };
  hooks.info?.(`device: ${device.description}`);
  const firstPrompts = firstExamples(train, prompts);
  const unknown = unknownTokensNotice([...evalPrompts, ...firstPrompts], tokenizer);
  for (const notice of [...lengths, unknown]) if (notice !== null) hooks.info?.(notice);
  const shape = {
    promptTokens: firstPrompts.map(({ inputIds }) => inputIds.length),
    responsesPerPrompt: config.numGenerations,
    newTokens: config.maxCompletionLength,
    passRows: config.miniBatchSize,
  };
  const memory = estimateAdapterMemory(policy, shape, {
    frozenReference: config.beta !== 0 && config.reference === "initial" &&
      !adapter.changesNothing,
    activationMemory: config.activationMemory,
  });
  hooks.info?.(checkStepMemory(device, memory));
  hooks.info?.(dataset.describe());
  data.reportCache();
  hooks.info?.(describeParameters(count));
  return { policy, tokenizer, count, rewards, evalRewards, data, batches, evalPrompts, sources };
}

/** Columns of a split's table, without the features that tokenizing adds. */
function columnsOf({ features }: DatasetSplit): string[] {
  return features.filter((name) => name !== "input_ids" && name !== "query");
}
