import { join } from "node:path";
import type { DatasetSplit, Example } from "../../data/dataset.ts";
import { Tokenizer } from "../../data/tokenizer.ts";
import type { Device } from "../../device/device.ts";
import { type MeanRouge, meanRouge } from "../../evaluation/rouge.ts";
import { generateInBatches, textGenerator } from "../../evaluation/text_generator.ts";
import { writeFileAtomic } from "../../platform/atomic_write.ts";
import { createAdapter, loadAdapter, saveAdapter } from "../../models/policy.ts";
import { loadLanguageModel } from "../../models/registry.ts";
import { loadTrainableModel, saveTrainableModel } from "../../models/trainable.ts";
import { type SFTStats, SFTTrainer, type TrainedModel } from "../../sft/sft_trainer.ts";
import { evaluateLoss, type SupervisedExample } from "../../sft/supervised_pass.ts";
import { type DatasetHooks, RunDataset } from "../loading/dataset.ts";
import { openRunDevice } from "../loading/device.ts";
import { firstExamples } from "../commands/evaluate.ts";
import { recordFailure } from "../folder/failure.ts";
import { JsonLines } from "../folder/jsonl.ts";
import { locate } from "../loading/locate.ts";
import { describeParameters, type ParameterCount } from "../loading/policy.ts";
import { PromptBatches } from "./prompt_order.ts";
import { reserveRunDirectory, writeRunConfig } from "../folder/run_directory.ts";
import { sftConfigOf, type SftRunConfig } from "../settings/sft_config.ts";

/** How well a model answers the examples that it is not trained on. */
export interface SftMeasurement {
  /** Mean of -log p over the labels, in nats. */
  loss: number;
  /** Mean F-measures of the summaries, 0 … 1. */
  rouge: MeanRouge;
  /** What the model makes of the examples, the likeliest token each time. */
  summaries: string[];
}

/** What a run tells while it goes on. */
export interface SftHooks extends DatasetHooks {
  /** A measurement; before the first step with the number of steps there will be. */
  measured?(when: "before" | "after", measurement: SftMeasurement, steps: number): void;
  /** A step is done; steps count from 1. */
  stepped?(step: number, stats: SFTStats): void;
}

/** What is in a run's `summary.json`, and where it is. */
export interface SftResult {
  /** The run's folder. */
  output: string;
  /** Folder of the adapter or the model that was trained. */
  trained: string;
  /** Mean of -log p over the labels of the measured examples, in nats. */
  loss: { before: number; after: number };
  /** Mean F-measures of the measured examples' greedy summaries, 0 … 1. */
  rouge: { before: MeanRouge; after: MeanRouge };
  /** Optimizer steps done. */
  steps: number;
  /** Trained numbers, and all there are. */
  parameters: ParameterCount;
  /** Wall-clock time of the whole run. */
  seconds: number;
}

/** What a run trains, and how it is saved. */
interface Subject extends TrainedModel {
  tokenizer: Tokenizer;
  count: ParameterCount;
  /** Folder in the run's folder. */
  folder: "adapter" | "model";
  save(folder: string): Promise<void>;
}

/**
 * Supervised fine-tuning on a dataset's summaries: measures loss and ROUGE, trains an adapter or all
 * weights, measures again and leaves the results in the run's folder. Until the first step nothing is
 * written.
 *
 * @throws {UserError} when an input is not usable, a file cannot be written or training diverges
 */
export async function sft(config: SftRunConfig, hooks: SftHooks = {}): Promise<SftResult> {
  const started = performance.now();
  using run = await reserveRunDirectory(config);
  const { directory } = run;
  const device = await openRunDevice(config);
  // Where the run's folder has nothing of it yet, no failure is left in it.
  let stepsDone: number | null = null;
  try {
    const subject = await loadSubject(device, config, hooks);
    await using data = await RunDataset.load(config, subject.tokenizer, hooks);
    const { dataset } = data;
    const [train, test] = [dataset.split("train"), dataset.split("test")];
    const batchRows = config.batchSize * config.gradientAccumulationSteps;
    const batches = new PromptBatches(train, batchRows, config.seed);
    const trainer = new SFTTrainer(subject, sftConfigOf(config, train.length));
    const { steps } = trainer.config;
    const evaluation = firstExamples(test, config.evalSamples);
    const learn = supervised(train, config);
    const held = Array.from(evaluation.keys(), supervised(test, config));
    hooks.info?.(`device: ${device.description}`);
    hooks.info?.(dataset.describe());
    hooks.info?.(describeParameters(subject.count));
    data.tellCached();
    const before = await measure(subject, evaluation, held, config);
    hooks.measured?.("before", before, steps);

    await writeRunConfig(directory, config);
    stepsDone = 0;
    const trained = join(directory.path, subject.folder);
    using metrics = new JsonLines(directory.metrics);
    for (let step = 1; step <= steps; step++) {
      const start = performance.now();
      const stats = await trainer.step(batches.nextRows().map(learn));
      const seconds = (performance.now() - start) / 1000;
      const due = config.evalEvery > 0 && step % config.evalEvery === 0;
      metrics.append({
        step,
        epoch: step * batchRows / train.length,
        loss: stats.loss,
        grad_norm: stats.gradNorm,
        learning_rate: stats.learningRate,
        labels: stats.labels,
        "time/step": seconds,
        ...(due ? { eval_loss: await evaluateLoss(subject, held) } : {}),
      });
      stepsDone = step;
      if (config.saveEvery > 0 && step % config.saveEvery === 0) await subject.save(trained);
      hooks.stepped?.(step, stats);
    }
    await subject.save(trained);

    const after = await measure(subject, evaluation, held, config);
    hooks.measured?.("after", after, steps);
    using summaries = new JsonLines(join(directory.path, "summaries.jsonl"));
    summaries.append(...evaluation.map(({ id, query, summary }, i) => ({
      id,
      query,
      reference: summary,
      before: before.summaries[i],
      after: after.summaries[i],
    })));
    const result = {
      output: directory.path,
      trained,
      loss: { before: before.loss, after: after.loss },
      rouge: { before: before.rouge, after: after.rouge },
      steps,
      parameters: subject.count,
      seconds: (performance.now() - started) / 1000,
    };
    await writeFileAtomic(directory.summary, JSON.stringify(result, null, 2) + "\n");
    return result;
  } catch (error) {
    if (stepsDone !== null) await recordFailure(directory.path, error, stepsDone);
    throw error;
  } finally {
    // Where nothing was written there was no run.
    await run.release();
    device.close();
  }
}

async function loadSubject(
  device: Device,
  config: SftRunConfig,
  hooks: SftHooks,
): Promise<Subject> {
  const folder = await locate("model", config.model, hooks);
  const tokenizer = await Tokenizer.load(folder);
  if (config.full) {
    const trainable = await loadTrainableModel(device, folder);
    const count = trainable.parameters.count;
    return {
      ...trainable,
      adapter: null,
      tokenizer,
      count: { trainable: count, all: count },
      folder: "model",
      save: (to) => saveTrainableModel(trainable, folder, to),
    };
  }
  const model = await loadLanguageModel(device, folder, config);
  const { loraR: r, loraAlpha, loraDropout, targetModules } = config;
  const adapter = config.adapter === null
    ? createAdapter(model, { r, loraAlpha, loraDropout, targetModules }, config.seed)
    : await loadAdapter(model, await locate("model", config.adapter, hooks), { trainable: true });
  const trainable = adapter.parameters.count;
  return {
    model,
    adapter,
    parameters: adapter.parameters,
    tokenizer,
    count: { trainable, all: model.parameterCount + trainable },
    folder: "adapter",
    save: (to) => saveAdapter({ model, adapter }, to, config.model, config.peftFormat),
  };
}

/** Makes what is learnt from a row of a split: the summary as labels. */
function supervised(
  split: DatasetSplit,
  { maxTargetLength }: SftRunConfig,
): (row: number) => SupervisedExample {
  const { prompts } = split;
  const labels = split.labels(maxTargetLength);
  return (row) => ({ inputIds: prompts.ids(row), labels: labels.ids(row) });
}

async function measure(
  subject: Subject,
  examples: readonly Example[],
  held: readonly SupervisedExample[],
  config: SftRunConfig,
): Promise<SftMeasurement> {
  const { model, tokenizer, adapter } = subject;
  const loss = await evaluateLoss(subject, held);
  const generate = textGenerator(
    model,
    tokenizer,
    { maxNewTokens: config.evalMaxNewTokens },
    adapter,
  );
  const summaries = await generateInBatches(generate, examples);
  const rouge = meanRouge(examples.map(({ summary }) => summary), summaries);
  return { loss, rouge, summaries };
}
