import { loadDataset } from "../data/dataset.ts";
import type { Device } from "../device/device.ts";
import { openDevice } from "../device/open.ts";
import { UserError } from "../errors.ts";
import { compareResponses, type ComparisonRow } from "../evaluation/compare.ts";
import { comparisonToCsv } from "../evaluation/comparison_formats.ts";
import type { PolicyToxicity } from "../evaluation/evaluate_policy.ts";
import { writeFileAtomic } from "../formats/atomic_write.ts";
import type { Example } from "../data/dataset.ts";
import type { DownloadHooks } from "../hub/download.ts";
import { savePolicy } from "../models/policy.ts";
import { Parameters } from "../nn/parameters.ts";
import { PPOTrainer } from "../rl/ppo_trainer.ts";
import type { PPOStats } from "../rl/statistics.ts";
import type { TextClassifier } from "../rewards/text_classifier.ts";
import { ppoConfigOf, type TrainConfig } from "./config.ts";
import { firstExamples, measurePolicy } from "./evaluate.ts";
import { JsonLines } from "./jsonl.ts";
import { baseModelName, locate } from "./locate.ts";
import { MetricsFile } from "./metrics.ts";
import { countParameters, describeParameters, loadRunPolicy, type RunPolicy } from "./policy.ts";
import { promptBatches } from "./prompt_order.ts";
import { type LoadedRewards, loadRewards, loadToxicityClassifier } from "./rewards.ts";
import { collectRollouts } from "./rollouts.ts";
import {
  createRunDirectory,
  releaseRunDirectory,
  reserveRunDirectory,
  type RunDirectory,
} from "./run_directory.ts";
import { type Summary, writeSummary } from "./summary.ts";

/** What a run tells while it goes on. */
export interface TrainHooks extends DownloadHooks {
  /** Something to read, of one or more lines. */
  info?(text: string): void;
  /** A measurement of toxicity. */
  measured?(when: "before" | "after", toxicity: PolicyToxicity): void;
  /** A step is done; steps count from 1. */
  stepped?(step: number, stats: PPOStats): void;
}

/** What a run returns. */
export interface TrainResult {
  /** Where the results are. */
  directory: RunDirectory;
  /** What is in `summary.json`. */
  summary: Summary;
  /** The measured prompts before and after, the largest gain in reward first. */
  comparison: ComparisonRow[];
}

/** All that a run needs, loaded and checked. */
interface Ingredients {
  policy: RunPolicy;
  loadedRewards: LoadedRewards;
  toxicityClassifier: TextClassifier;
  /** Endless batches of prompts to train on. */
  batches: Iterator<Example[], never>;
  /** Prompts to measure on. */
  evalPrompts: Example[];
}

/**
 * A whole run: loads everything, measures the toxicity, trains with PPO, measures again and leaves
 * the results in the run's folder. Until the first step nothing is written.
 *
 * @throws {UserError} when an input is not usable, a file cannot be written or training diverges;
 *   when that happens in a step, the last good adapter is saved
 */
export async function train(config: TrainConfig, hooks: TrainHooks = {}): Promise<TrainResult> {
  const started = performance.now();
  const directory = await reserveRunDirectory(config);
  let device: Device | null = null;
  let before: PolicyToxicity;
  let ingredients: Ingredients;
  try {
    device = await openDevice(config);
    ingredients = await loadIngredients(device, config, hooks);
    const { policy, toxicityClassifier, evalPrompts } = ingredients;
    before = await measurePolicy(policy, toxicityClassifier, evalPrompts, config);
    hooks.measured?.("before", before);
  } catch (error) {
    await releaseRunDirectory(directory);
    device?.close();
    throw error;
  }
  try {
    await createRunDirectory(directory, config);
    await trainPolicy(config, directory, ingredients, hooks);
    const { policy, loadedRewards, toxicityClassifier, evalPrompts } = ingredients;
    const after = await measurePolicy(policy, toxicityClassifier, evalPrompts, config);
    hooks.measured?.("after", after);
    const comparison = await compareResponses(
      evalPrompts.map(({ query }) => query),
      before.samples.map(({ response }) => response),
      after.samples.map(({ response }) => response),
      async (samples) => (await loadedRewards.rewards.score(samples)).totals,
    );
    await writeFileAtomic(directory.comparison, comparisonToCsv(comparison));
    const summary: Summary = {
      toxicity: { before: statisticsOf(before), after: statisticsOf(after) },
      reward: {
        before: mean(comparison.map(({ rewardBefore }) => rewardBefore)),
        after: mean(comparison.map(({ rewardAfter }) => rewardAfter)),
      },
      steps: config.steps,
      parameters: countParameters(policy).withValueHead,
      seconds: (performance.now() - started) / 1000,
    };
    await writeSummary(directory.summary, summary);
    for (const notice of loadedRewards.notices()) hooks.info?.(notice);
    return { directory, summary, comparison };
  } finally {
    device.close();
  }
}

async function loadIngredients(
  device: Device,
  config: TrainConfig,
  hooks: TrainHooks,
): Promise<Ingredients> {
  const policy = await loadRunPolicy(device, config, hooks);
  const loadedRewards = await loadRewards(device, config, hooks);
  const toxicityClassifier = await loadToxicityClassifier(
    device,
    config,
    loadedRewards.classifier,
    hooks,
  );
  const path = await locate("dataset", config.dataset, hooks);
  const dataset = await loadDataset(path, policy.tokenizer, config);
  const batches = promptBatches(dataset.split("train"), config.batchSize, config.seed);
  const evalPrompts = firstExamples(dataset.split("test"), config.evalSamples);
  // A faulty reward shows here, before anything is measured or written.
  await loadedRewards.rewards.score(
    evalPrompts.slice(0, config.batchSize).map(({ query, summary }) => ({
      query,
      response: summary,
    })),
  );
  hooks.info?.(`device: ${device.description}`);
  hooks.info?.(dataset.describe());
  hooks.info?.(describeParameters(countParameters(policy).withValueHead));
  return { policy, loadedRewards, toxicityClassifier, batches, evalPrompts };
}

/** The PPO loop: generate, score, step; `metrics.jsonl`, `samples.jsonl` and the adapter. */
async function trainPolicy(
  config: TrainConfig,
  directory: RunDirectory,
  { policy, loadedRewards, batches }: Ingredients,
  hooks: TrainHooks,
): Promise<void> {
  const trainer = new PPOTrainer(policy, ppoConfigOf(config));
  const lastGood = copyOf(policy.parameters);
  using metrics = new MetricsFile(directory.metrics);
  using samples = new JsonLines(directory.samples);
  const save = (parameters: Parameters) =>
    savePolicy(
      { ...policy, parameters },
      directory.adapter,
      baseModelName(config.model),
      config.peftFormat,
    );
  for (let step = 1; step <= config.steps; step++) {
    try {
      const prompts = batches.next().value;
      const rollouts = await collectRollouts(
        policy,
        loadedRewards.rewards,
        prompts,
        step - 1,
        config,
      );
      // Parameters have proved good when they have generated.
      lastGood.copyFrom(policy.parameters);
      const { queries, responses, scores, sampled } = rollouts;
      const stats = await trainer.step(queries, responses, scores, sampled);
      metrics.appendStep(step, stats, rollouts.times);
      samples.append(...rollouts.samples.map((sample, index) => ({
        step,
        ...sample,
        kl: stats["objective/kl_dist"][index],
      })));
      const due = config.saveEvery > 0 && step % config.saveEvery === 0;
      if (due || step === config.steps) await save(policy.parameters);
      hooks.stepped?.(step, stats);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const kept = await save(lastGood).then(
        () => `the last good adapter is in ${directory.adapter}`,
        () => "the adapter could not be saved",
      );
      throw new UserError(`${error.message} (stopped in step ${step}; ${kept})`, { cause: error });
    }
  }
}

function copyOf(parameters: Parameters): Parameters {
  const specs = parameters.names.map((name) => ({ name, shape: parameters.get(name).shape }));
  const copy = Parameters.create(parameters.values.device, specs, { trainable: false });
  copy.copyFrom(parameters);
  return copy;
}

function statisticsOf(
  { count, mean, std, interval }: PolicyToxicity,
): Summary["toxicity"]["after"] {
  return { mean, std, count, interval };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
