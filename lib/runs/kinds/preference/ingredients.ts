import type { DatasetSplit, Example } from "../../../data/dataset.ts";
import { Tokenizer } from "../../../data/tokenizer.ts";
import type { Device } from "../../../device/device.ts";
import type { AdaptedModel } from "../../../training/adapter_trainer.ts";
import { type DatasetHooks, RunDataset, unknownTokensNotice } from "../../loading/dataset.ts";
import { checkStepMemory, estimateAdapterMemory } from "../../loading/memory.ts";
import { describeParameters, type ParameterCount } from "../../../models/parameter_count.ts";
import { loadAdaptedModel } from "../../loading/policy.ts";
import { PromptBatches } from "../../loading/prompt_batches.ts";
import { checkRewardColumns, type LoadedRewards, loadRewards } from "../../loading/rewards.ts";
import { locateSources, rewardSources, templateSource } from "../../loading/sources.ts";
import {
  checkTextLengths,
  placeOf,
  promptsOfExamples,
  type ReadTexts,
} from "../../loading/text_length.ts";
import type { PreferenceRunConfig } from "../../settings/preference_config.ts";
import type { RunContext } from "../run_task.ts";
import type { Lesson, LessonRows, PreferenceAlgorithm } from "./learner.ts";

/** Model, data and rewards of a run, loaded and checked. */
export interface PreferenceIngredients<Tokens> {
  /** Policy, as it is before the first step. */
  policy: AdaptedModel;
  tokenizer: Tokenizer;
  /** Numbers that are trained, and all numbers of the model. */
  count: ParameterCount;
  /** Rewards of answers to measure; null for none. */
  evalRewards: LoadedRewards | null;
  /** Dataset; to be disposed of when the run ends. */
  data: RunDataset;
  /** Rows to learn from. */
  train: LessonRows<Tokens>;
  /** Rows of `train`, without end. */
  batches: PromptBatches;
  /** Test rows to measure on. */
  held: Tokens[];
  /** Prompts to answer. */
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
export async function loadPreferenceIngredients<
  Config extends PreferenceRunConfig,
  Tokens extends Lesson,
>(
  context: RunContext<Config>,
  { rows }: PreferenceAlgorithm<Config, Tokens>,
): Promise<PreferenceIngredients<Tokens>> {
  const { device, config, hooks } = context;
  const paths = await locateSources(config, hooks);
  const tokenizer = await Tokenizer.load(paths.model);
  const { count, ...policy } = await loadAdaptedModel(device, paths, config);
  const { model } = policy;
  const evalRewards = config.evalReward === null ? null : await loadRewards(
    device,
    { ...config, reward: config.evalReward, rewardWeights: null },
    hooks,
  );
  const data = await RunDataset.loadFor(context, { ...config, ...paths }, tokenizer);
  const splits = [data.dataset.split("train"), data.dataset.split("test")];
  const [train, test] = splits.map(rows);
  splits.forEach((split, i) => noteLeftOut(split, i === 0 ? train : test, hooks));
  const drawn = { length: train.length, example: (row: number) => splits[0].example(row) };
  const rowsOfStep = config.batchSize * config.gradientAccumulationSteps;
  const batches = new PromptBatches(drawn, rowsOfStep, config.seed);
  const heldRows = Math.min(config.evalSamples, test.length);
  const held = Array.from({ length: heldRows }, (_, row) => test.tokens(row));
  const evalPrompts = promptsOf(test, tokenizer, config);
  if (evalRewards !== null && evalPrompts.length > 0) {
    checkRewardColumns(config.evalReward!, Object.keys(evalPrompts[0].columns));
    // A faulty reward shows here, before anything is measured or written.
    await evalRewards.rewards.columns(
      evalPrompts.slice(0, config.batchSize)
        .map(({ query, summary, columns }) => ({ query, response: summary, columns })),
    );
  }
  const lengths = [
    checkTextLengths(model, answersOf(train, splits[0].name, config), LESSON_END),
    checkTextLengths(model, answersOf(test, splits[1].name, config, heldRows), LESSON_END),
    checkTextLengths(
      model,
      promptsOfExamples(evalPrompts, (i) => placeOf(Number(evalPrompts[i].id), splits[1].name)),
      { newTokens: config.evalMaxNewTokens, setting: "evalMaxNewTokens" },
    ),
  ];
  hooks.info?.(`device: ${device.description}`);
  const unknown = unknownTokensNotice(evalPrompts, tokenizer);
  for (const notice of [...lengths, unknown]) if (notice !== null) hooks.info?.(notice);
  noteMemory(device, policy, config, train, hooks);
  hooks.info?.(data.dataset.describe());
  data.reportCache();
  hooks.info?.(describeParameters(count));
  const sources = {
    ...paths,
    ...templateSource(paths.model, config),
    ...await rewardSources(config.evalReward ?? [], hooks),
  };
  return {
    policy,
    tokenizer,
    count,
    evalRewards,
    data,
    train,
    batches,
    held,
    evalPrompts,
    sources,
  };
}

/** Says how many rows are left out, and why. */
function noteLeftOut(
  split: DatasetSplit,
  { leftOut }: Pick<LessonRows<unknown>, "leftOut">,
  hooks: DatasetHooks,
): void {
  for (const [reason, count] of Object.entries(leftOut)) {
    hooks.info?.(
      `${count} of ${split.length} rows of the ${split.name} split left out: ${reason}`,
    );
  }
}

/** First different prompts of some rows. */
function promptsOf(
  rows: LessonRows<Lesson>,
  tokenizer: Tokenizer,
  { evalPrompts, maxPromptLength }: PreferenceRunConfig,
): Example[] {
  const found = new Map<string, Example>();
  for (let row = 0; row < rows.length && found.size < evalPrompts; row++) {
    const { prompt, answers } = rows.texts(row);
    if (found.has(prompt)) continue;
    const inputIds = rows.tokens(row).prompt.slice(-(maxPromptLength ?? Infinity));
    found.set(prompt, {
      id: String(row),
      query: tokenizer.decode(inputIds),
      inputIds,
      summary: answers.chosen ?? "",
      columns: { ...rows.columns(row), prompt, ...answers },
    });
  }
  return [...found.values()];
}

/** Lessons are read as they are: nothing is generated. */
const LESSON_END = { newTokens: 0, setting: "maxLength" };

/** Prompts of rows with their longest answer, as far as truncation leaves them. */
function answersOf(
  rows: LessonRows<Lesson>,
  split: string,
  { kind, maxLength, maxPromptLength, maxCompletionLength }: PreferenceRunConfig,
  count: number = rows.length,
): ReadTexts {
  const longest = (texts: readonly { length: number }[]) =>
    Math.max(...texts.map(({ length }) => length));
  return {
    what: "prompt with its answer",
    length: count,
    place: (row) => placeOf(row, split, kind === "kto" ? "answer" : "pair"),
    characters(row) {
      const { prompt, answers } = rows.texts(row);
      return prompt.length + longest(Object.values(answers));
    },
    tokens(row) {
      const lesson = rows.tokens(row);
      const answer = Math.min(longest(answersIn(lesson)), maxCompletionLength ?? Infinity);
      const prompt = Math.min(lesson.prompt.length, maxPromptLength ?? Infinity);
      return Math.min(prompt + answer, maxLength ?? Infinity);
    },
  };
}

/** Tokens of the answers in a lesson. */
function answersIn({ prompt: _, ...answers }: Lesson): number[][] {
  return Object.values(answers as Record<string, unknown>).filter(Array.isArray);
}

/** Checks that a step's passes fit, by the first rows. */
function noteMemory(
  device: Device,
  policy: AdaptedModel,
  config: PreferenceRunConfig,
  rows: LessonRows<Lesson>,
  hooks: DatasetHooks,
): void {
  const first = Array.from(
    { length: Math.min(config.batchSize, rows.length) },
    (_, row) => rows.tokens(row),
  );
  const limit = config.maxPromptLength ?? Infinity;
  const shape = {
    promptTokens: first.flatMap((lesson) =>
      answersIn(lesson).map(() => Math.min(limit, lesson.prompt.length))
    ),
    newTokens: Math.max(...first.flatMap(answersIn).map(({ length }) => length)),
    passRows: first.flatMap(answersIn).length,
  };
  const memory = estimateAdapterMemory(policy, shape, {
    frozenReference: config.kind !== "orpo" && !policy.adapter.changesNothing,
    activationMemory: config.activationMemory,
  });
  hooks.info?.(checkStepMemory(device, memory));
}
