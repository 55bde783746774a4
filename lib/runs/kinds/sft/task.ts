import { join } from "../../../platform/paths.ts";
import type { Example } from "../../../data/dataset.ts";
import { type SFTStats, SFTTrainer } from "../../../sft/sft_trainer.ts";
import {
  evaluateLoss,
  type SupervisedExample,
  supervisedRow,
} from "../../../sft/supervised_pass.ts";
import { learningRateAt } from "../../../training/schedules.ts";
import { firstExamples, RunDataset, unknownTokensNotice } from "../../loading/dataset.ts";
import { describeParameters } from "../../../models/parameter_count.ts";
import { PromptBatches } from "../../loading/prompt_batches.ts";
import { locateSources, templateSource } from "../../loading/sources.ts";
import { checkTextLengths, promptsOfExamples } from "../../loading/text_length.ts";
import { sftConfigOf, type SftRunConfig } from "../../settings/sft_config.ts";
import { type CollapseGuard, likelihoodGuard, likelihoods, someOf } from "../collapse_guard.ts";
import type {
  Conclusion,
  DivergenceGuard,
  FinishedSteps,
  RunContext,
  RunTask,
  StepReport,
} from "../run_task.ts";
import { sftCard } from "./card.ts";
import { type LearnableRows, learnableRows, leftOutNotice, textsToRead } from "./examples.ts";
import {
  measureSummaries,
  parseSftMeasurement,
  type SftMeasurement,
  sftMeasurementLine,
} from "./measurement.ts";
import { loadSubject, type SftSubject } from "./subject.ts";
import { BEFORE_FILE, type SftSummary } from "./summary.ts";

/** Data of a run. */
interface SftData {
  /** Dataset; to be disposed of when the run ends. */
  readonly data: RunDataset;
  /** Examples to learn from. */
  readonly train: LearnableRows;
  /** Rows of the examples to learn from, without end. */
  readonly batches: PromptBatches;
  /** Examples whose prompts are answered to measure; none where rows have no prompts. */
  readonly evaluation: readonly Example[];
  /** Examples to measure the loss on. */
  readonly held: readonly SupervisedExample[];
}

/** Supervised fine-tuning on a dataset's summaries; loss and ROUGE are measured before and after. */
export class SftTask implements RunTask<SFTStats, SftMeasurement, SftSummary, SupervisedExample[]> {
  readonly trainer: SFTTrainer;
  readonly steps: number;
  readonly sources: Readonly<Record<string, string>>;
  readonly guard: DivergenceGuard | null;
  readonly beforeFile = BEFORE_FILE;
  readonly trainedFolder: "adapter" | "model";
  readonly #context: RunContext<SftRunConfig>;
  readonly #subject: SftSubject;
  readonly #data: SftData;
  readonly #collapse: CollapseGuard;
  /** Examples of the last step. */
  #last: readonly SupervisedExample[] = [];

  private constructor(
    context: RunContext<SftRunConfig>,
    sources: Readonly<Record<string, string>>,
    subject: SftSubject,
    data: SftData,
  ) {
    const { config } = context;
    this.#context = context;
    this.#subject = subject;
    this.#data = data;
    this.trainer = new SFTTrainer(subject, sftConfigOf(config, data.train.rows.length));
    this.steps = this.trainer.config.steps;
    this.sources = sources;
    this.trainedFolder = subject.folder;
    this.#collapse = likelihoodGuard("model", config.maxTokenKl);
    // The copies that a step is taken back to would take the memory of all weights several times.
    this.guard = config.full ? null : { onDivergence: "stop", batchRows: () => [...this.#last] };
  }

  /** Loads all that the run needs. @throws {UserError} when something does not load */
  static async open(context: RunContext<SftRunConfig>): Promise<SftTask> {
    const { device, config, hooks } = context;
    const paths = await locateSources(config, hooks);
    const subject = await loadSubject(device, config, paths);
    const data = await RunDataset.loadFor(context, { ...config, ...paths }, subject.tokenizer);
    const { dataset } = data;
    const splits = [dataset.split("train"), dataset.split("test")];
    const [train, test] = splits.map((split) => learnableRows(split, subject.model, config));
    const rows = config.batchSize * config.gradientAccumulationSteps;
    const evaluation = splits[1].hasPrompts ? firstExamples(splits[1], config.evalSamples) : [];
    const { model } = subject;
    const whole = { newTokens: 0, setting: "maxLength" };
    const lengths = [
      checkTextLengths(model, textsToRead(splits[0], train), whole),
      checkTextLengths(model, textsToRead(splits[1], test, config.evalSamples), whole),
      checkTextLengths(model, promptsOfExamples(evaluation), {
        newTokens: config.evalMaxNewTokens,
        setting: "evalMaxNewTokens",
      }),
    ];
    const drawn = { length: train.rows.length, example: (i: number) => splits[0].example(i) };
    const sources = { ...paths, ...templateSource(paths.model, config) };
    const task = new SftTask(context, sources, subject, {
      data,
      train,
      batches: new PromptBatches(drawn, rows, config.seed),
      evaluation,
      held: test.rows.slice(0, config.evalSamples).map((row) => test.example(row)),
    });
    for (const [i, learnable] of [train, test].entries()) {
      const notice = leftOutNotice(splits[i], learnable, config);
      if (notice !== null) hooks.info?.(notice);
    }
    hooks.info?.(`device: ${device.description}`);
    const unknown = unknownTokensNotice(evaluation, subject.tokenizer);
    for (const notice of [...lengths, unknown]) if (notice !== null) hooks.info?.(notice);
    hooks.info?.(dataset.describe());
    hooks.info?.(describeParameters(subject.count));
    data.reportCache();
    return task;
  }

  get position(): unknown {
    return this.#data.batches.position;
  }

  set position(position: unknown) {
    this.#data.batches.position = position;
  }

  // deno-lint-ignore require-await
  async collect(): Promise<SupervisedExample[]> {
    const { train, batches } = this.#data;
    this.#last = batches.nextRows().map((index) => train.example(train.rows[index]));
    return [...this.#last];
  }

  async step(examples: SupervisedExample[], step: number): Promise<StepReport<SFTStats>> {
    const { config: { evalEvery } } = this.#context;
    const { train, held } = this.#data;
    const start = performance.now();
    const rate = learningRateAt(this.trainer.stepsDone, this.trainer.config);
    const { model, adapter } = this.#subject;
    const rows = someOf(examples).map((example) => supervisedRow(model, example));
    const watched = { now: () => likelihoods({ model, adapter }, rows) };
    const stats = await this.#collapse.watch(
      step,
      rate,
      watched,
      () => this.trainer.step(examples),
    );
    const seconds = (performance.now() - start) / 1000;
    const due = evalEvery > 0 && step % evalEvery === 0;
    return {
      stats,
      metrics: {
        epoch: step * examples.length / train.rows.length,
        loss: stats.loss,
        grad_norm: stats.gradNorm,
        learning_rate: stats.learningRate,
        labels: stats.labels,
        "time/step": seconds,
        ...(due ? { eval_loss: await evaluateLoss(this.#subject, held) } : {}),
      },
      samples: [],
      score: null,
    };
  }

  async measure(signal?: AbortSignal): Promise<SftMeasurement> {
    const { evaluation, held } = this.#data;
    const { evalMaxNewTokens } = this.#context.config;
    return await measureSummaries(this.#subject, evaluation, held, evalMaxNewTokens, signal);
  }

  parseMeasurement(json: unknown): SftMeasurement | null {
    return parseSftMeasurement(json, this.#data.evaluation.length);
  }

  describe(when: "before" | "after", measurement: SftMeasurement): string {
    return sftMeasurementLine(`${when} training`, measurement);
  }

  async writeTrained(folder: string): Promise<void> {
    await this.#subject.write(folder);
  }

  readTrained(folder: string): AsyncIterable<readonly [string, Float32Array]> {
    return this.#subject.read(folder);
  }

  async saveTrained(folder: string): Promise<void> {
    await this.#subject.save(folder);
  }

  // deno-lint-ignore require-await
  async conclude(
    before: SftMeasurement,
    after: SftMeasurement,
    { folder, elapsed }: FinishedSteps,
  ): Promise<Conclusion<SftSummary>> {
    const summary: SftSummary = {
      output: folder,
      trained: join(folder, this.trainedFolder),
      loss: { before: before.loss, after: after.loss },
      rouge: before.rouge && after.rouge && { before: before.rouge, after: after.rouge },
      steps: this.steps,
      parameters: this.#subject.count,
      seconds: elapsed(),
    };
    const rows = this.#data.evaluation.map(({ id, query, summary }, i) => ({
      id,
      query,
      reference: summary,
      before: before.summaries[i],
      after: after.summaries[i],
    }));
    return {
      summary,
      files: {
        "summaries.jsonl": rows.map((row) => JSON.stringify(row) + "\n").join(""),
        [`${this.trainedFolder}/README.md`]: sftCard(
          this.#subject.model,
          this.#context.config,
          summary,
          this.#data.held.length,
        ),
      },
      comparison: [],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#data.data[Symbol.asyncDispose]();
  }
}
