import type { Example } from "../../data/dataset.ts";
import type { Device } from "../../device/device.ts";
import { fingerprint } from "../../formats/fingerprint.ts";
import type { TextClassifier } from "../../rewards/text_classifier.ts";
import type { TrainConfig } from "../settings/config.ts";
import { RunDataset } from "./dataset.ts";
import { firstExamples } from "../commands/evaluate.ts";
import { locate } from "./locate.ts";
import { checkStepMemory, estimateStepMemory, type StepShape } from "./memory.ts";
import { countParameters, describeParameters, loadRunPolicy, type RunPolicy } from "./policy.ts";
import { PromptBatches } from "../loop/prompt_order.ts";
import { locateClassifier } from "./classifiers.ts";
import {
  type LoadedRewards,
  loadRewards,
  loadToxicityClassifier,
  locateReward,
} from "./rewards.ts";
import type { TrainHooks } from "../loop/train.ts";

/** All that a run needs, loaded and checked. */
export interface Ingredients {
  /** What is trained, as it is before the first step. */
  policy: RunPolicy;
  /** What it is trained for. */
  loadedRewards: LoadedRewards;
  /** What measures it. */
  toxicityClassifier: TextClassifier;
  /** Where prompts are from; to be disposed of when the run ends. */
  data: RunDataset;
  /** Endless batches of prompts to train on. */
  batches: PromptBatches;
  /** Prompts to measure on. */
  evalPrompts: Example[];
  /** SHA-256 of what was loaded, by the setting that names it. */
  fingerprints: Record<string, string>;
}

/** An ordinary step with the longest responses; prompts are tokenized only when they are drawn. */
function stepShape(
  config: TrainConfig,
  { adapter }: RunPolicy,
  examples: readonly Example[],
): StepShape {
  return {
    promptTokens: examples.map(({ inputIds }) => inputIds.length),
    newTokens: config.maxNewTokens ?? config.outputMaxLength - 1,
    miniBatchSize: config.miniBatchSize,
    frozenReference: config.reference === "initial" && !adapter.changesNothing,
    activationBytes: config.activationMemory === null ? null : config.activationMemory * 2 ** 20,
  };
}

/** Fingerprints of what is at the paths, and of the rewards and the toxicity model. */
async function fingerprintAll(
  { reward, toxicityModel }: TrainConfig,
  paths: Readonly<Record<string, string>>,
  hooks: TrainHooks,
): Promise<Record<string, string>> {
  const all = new Map(Object.entries(paths));
  for (const name of reward) all.set(`reward ${name}`, await locateReward(name, hooks));
  if (toxicityModel !== null) {
    all.set("toxicity model", (await locateClassifier(toxicityModel, hooks)).folder);
  }
  const fingerprints: Record<string, string> = {};
  for (const [name, path] of all) fingerprints[name] = await fingerprint(path);
  return fingerprints;
}

/**
 * Loads and checks all that a run needs, and tells about it.
 *
 * @throws {UserError} when something is missing or broken, or does not go together
 * @throws {OutOfMemoryError} when training would not fit on the device
 */
export async function loadIngredients(
  device: Device,
  config: TrainConfig,
  hooks: TrainHooks,
): Promise<Ingredients> {
  const paths: Record<string, string> = {
    model: await locate("model", config.model, hooks),
    ...(config.adapter === null ? {} : { adapter: await locate("model", config.adapter, hooks) }),
    dataset: await locate("dataset", config.dataset, hooks),
  };
  const policy = await loadRunPolicy(device, { ...config, ...paths }, hooks);
  const loadedRewards = await loadRewards(device, config, hooks);
  const toxicityClassifier = await loadToxicityClassifier(
    device,
    config,
    loadedRewards.classifier,
    hooks,
  );
  const data = await RunDataset.load({ ...config, ...paths }, policy.tokenizer, hooks);
  const { dataset } = data;
  const batches = new PromptBatches(dataset.split("train"), config.batchSize, config.seed);
  const evalPrompts = firstExamples(dataset.split("test"), config.evalSamples);
  // A faulty reward shows here, before anything is measured or written.
  await loadedRewards.rewards.score(
    evalPrompts.slice(0, config.batchSize).map(({ query, summary }) => ({
      query,
      response: summary,
    })),
  );
  const fingerprints = await fingerprintAll(config, paths, hooks);
  hooks.info?.(`device: ${device.description}`);
  const shape = stepShape(
    config,
    policy,
    firstExamples(dataset.split("train"), config.batchSize),
  );
  hooks.info?.(checkStepMemory(device, estimateStepMemory(policy, shape)));
  hooks.info?.(dataset.describe());
  data.tellCached();
  hooks.info?.(describeParameters(countParameters(policy).withValueHead));
  return { policy, loadedRewards, toxicityClassifier, data, batches, evalPrompts, fingerprints };
}
