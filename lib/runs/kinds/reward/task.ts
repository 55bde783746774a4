import { join } from "../../../platform/paths.ts";
import {
  type RewardPair,
  type RewardStats,
  RewardTrainer,
} from "../../../preference/reward_trainer.ts";
import { RunDataset } from "../../loading/dataset.ts";
import { learningRateAt } from "../../../training/schedules.ts";
import { checkStepMemory, estimateRewardMemory } from "../../loading/memory.ts";
import { describeParameters } from "../../../models/parameter_count.ts";
import { PromptBatches } from "../../loading/prompt_batches.ts";
import { locateSources, templateSource } from "../../loading/sources.ts";
import { rewardConfigOf, type RewardRunConfig } from "../../settings/reward_config.ts";
import { CollapseGuard, someOf, type Watched } from "../collapse_guard.ts";
import type {
  Conclusion,
  DivergenceGuard,
  FinishedSteps,
  RunContext,
  RunTask,
  StepReport,
} from "../run_task.ts";
import { rewardCard } from "./card.ts";
import {
  measurePairs,
  parseRewardMeasurement,
  type RewardMeasurement,
  rewardMeasurementLine,
} from "./measurement.ts";
import { type ReadablePairs, readablePairs } from "./pairs.ts";
import { loadRewardSubject, type RewardSubject } from "./subject.ts";
import { BEFORE_FILE, type RewardSummary } from "./summary.ts";

/** Data of a run. */
interface RewardData {
  /** Dataset; to be disposed of when the run ends. */
  readonly data: RunDataset;
  /** Pairs to learn from. */
  readonly train: ReadablePairs;
  /** Pairs to measure on. */
  readonly test: ReadablePairs;
}

/** Training of a reward model on preferences; accuracy and margin are measured before and after. */
export class RewardTask
  implements RunTask<RewardStats, RewardMeasurement, RewardSummary, readonly number[]> {
  readonly trainer: RewardTrainer;
  readonly steps: number;
  readonly guard: DivergenceGuard | null;
  readonly beforeFile = BEFORE_FILE;
  readonly trainedFolder: "adapter" | "model";
  /** Numbers of the pairs, without end. */
  readonly #batches: PromptBatches;
  readonly #held: readonly RewardPair[];
  readonly #collapse: CollapseGuard;
  /** Numbers of the last step's pairs. */
  #last: readonly number[] = [];

  private constructor(
    private readonly context: RunContext<RewardRunConfig>,
    readonly sources: Readonly<Record<string, string>>,
    private readonly subject: RewardSubject,
    private readonly data: RewardData,
  ) {
    const { config } = context;
    const { train, test } = data;
    this.#batches = batchesOf(train, config);
    const held = Math.min(config.evalSamples, test.length);
    this.#held = Array.from({ length: held }, (_, i) => test.pair(i));
    this.trainer = new RewardTrainer(subject.trained, rewardConfigOf(config, train.length));
    this.steps = this.trainer.config.steps;
    this.trainedFolder = subject.folder;
    const { maxRewardChange } = config;
    this.#collapse = new CollapseGuard({
      limit: maxRewardChange,
      movement: (before, after) => Math.abs(after - before),
      message: (step, moved) =>
        `the reward model has collapsed: step ${step} changed the median reward by ${moved}, ` +
        `\`maxRewardChange\` is ${maxRewardChange}: try a lower \`learningRate\``,
    });
    // The copies that a step is taken back to would take the memory of all weights several times.
    this.guard = config.full ? null : {
      onDivergence: "stop",
      batchRows: () => this.#last.map((row) => ({ row, ...train.texts(row) })),
    };
  }

  /** Loads all that the run needs. @throws {UserError} when something does not load */
  static async open(context: RunContext<RewardRunConfig>): Promise<RewardTask> {
    const { device, config, hooks } = context;
    const paths = await locateSources(config, hooks);
    const subject = await loadRewardSubject(device, config, paths);
    const { model } = subject.trained;
    const data = await RunDataset.loadFor(
      context,
      {
        dataset: paths.dataset,
        model: paths.model,
        chatTemplate: config.chatTemplate,
        datasetCache: config.datasetCache,
      },
      subject.tokenizer,
    );
    const longest = Math.min(
      config.maxLength ?? Infinity,
      model.maxLength,
      subject.tokenizer.modelMaxLength,
    );
    const { dataset } = data;
    const [train, test] = ["train", "test"].map((name) =>
      readablePairs(dataset.split(name), longest)
    );
    const memory = checkStepMemory(
      device,
      estimateRewardMemory(subject.trained, firstPass(train, config)),
    );
    const sources = { ...paths, ...templateSource(paths.model, config) };
    const task = new RewardTask(context, sources, subject, { data, train, test });
    for (const { notice } of [train, test]) if (notice !== null) hooks.info?.(notice);
    hooks.info?.(`device: ${device.description}`);
    hooks.info?.(dataset.describe());
    hooks.info?.(describeParameters(subject.count));
    hooks.info?.(memory);
    data.reportCache();
    return task;
  }

  get position(): unknown {
    return this.#batches.position;
  }

  set position(position: unknown) {
    this.#batches.position = position;
  }

  // deno-lint-ignore require-await
  async collect(): Promise<readonly number[]> {
    this.#last = this.#batches.nextRows();
    return this.#last;
  }

  async step(rows: readonly number[], step: number): Promise<StepReport<RewardStats>> {
    const { train } = this.data;
    const { evalEvery } = this.context.config;
    const pairs = rows.map((row) => train.pair(row));
    const started = performance.now();
    const rate = learningRateAt(this.trainer.stepsDone, this.trainer.config);
    const stats = await this.#collapse.watch(
      step,
      rate,
      this.#watched(pairs),
      () => this.trainer.step(pairs),
    );
    const trained = performance.now();
    const due = evalEvery > 0 && step % evalEvery === 0;
    const measurement = due ? await this.measure() : null;
    return {
      stats,
      metrics: {
        epoch: step * rows.length / train.length,
        ...stats.metrics,
        "time/step": (trained - started) / 1000,
        ...(measurement && {
          eval_accuracy: measurement.accuracy,
          eval_margin: measurement.margin,
          eval_loss: measurement.loss,
          "time/eval": (performance.now() - trained) / 1000,
        }),
      },
      samples: rows.flatMap((row, i) => this.#samples(row, i, pairs[i], stats.pairs[i])),
      score: null,
      ...(measurement ? { measured: measurement.accuracy } : {}),
    };
  }

  async measure(signal?: AbortSignal): Promise<RewardMeasurement> {
    return await measurePairs(this.trainer, this.#held, signal);
  }

  parseMeasurement(json: unknown): RewardMeasurement | null {
    return parseRewardMeasurement(json, this.#held.length);
  }

  describe(when: "before" | "after", measurement: RewardMeasurement): string {
    return rewardMeasurementLine(`${when} training`, measurement);
  }

  async writeTrained(folder: string): Promise<void> {
    await this.subject.write(folder);
  }

  readTrained(folder: string): AsyncIterable<readonly [string, Float32Array]> {
    return this.subject.read(folder);
  }

  async saveTrained(folder: string): Promise<void> {
    await this.subject.save(folder);
  }

  // deno-lint-ignore require-await
  async conclude(
    before: RewardMeasurement,
    after: RewardMeasurement,
    { folder, elapsed }: FinishedSteps,
  ): Promise<Conclusion<RewardSummary>> {
    const { config } = this.context;
    const change = (name: "accuracy" | "margin" | "loss") => ({
      before: before[name],
      after: after[name],
    });
    const summary: RewardSummary = {
      output: folder,
      trained: join(folder, this.trainedFolder),
      accuracy: change("accuracy"),
      margin: change("margin"),
      loss: change("loss"),
      count: after.count,
      steps: this.steps,
      parameters: this.subject.count,
      seconds: elapsed(),
    };
    const rows = this.#held.map((_, i) => ({
      ...this.data.test.texts(i),
      before: before.rewards[i],
      after: after.rewards[i],
    }));
    return {
      summary,
      files: {
        "pairs.jsonl": rows.map((row) => JSON.stringify(row) + "\n").join(""),
        [`${this.trainedFolder}/README.md`]: rewardCard(config, this.trainedFolder, summary),
      },
      comparison: [],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.data.data[Symbol.asyncDispose]();
  }

  /** Rewards of some of a step's better answers. */
  #watched(pairs: readonly RewardPair[]): Watched {
    const chosen = someOf(pairs);
    return {
      now: async () => (await this.trainer.rewards(chosen)).map(({ chosen }) => chosen),
    };
  }

  /** Both answers of a pair, with their rewards before the update. */
  #samples(
    row: number,
    group: number,
    pair: RewardPair,
    rewards: RewardStats["pairs"][number],
  ): object[] {
    const { prompt, ...answers } = this.data.train.texts(row);
    return (["chosen", "rejected"] as const).map((side) => ({
      query: prompt,
      response: answers[side],
      reward: rewards[side],
      // Both stand beside each answer, so that a pair is seen whole.
      rewards: { ...rewards },
      side,
      margin: rewards.chosen - rewards.rejected,
      group,
      length: pair[side].length,
    }));
  }
}

/** Numbers of the train split's pairs, without end. */
function batchesOf(train: ReadablePairs, config: RewardRunConfig): PromptBatches {
  const drawn = { length: train.length, example: unused };
  const rows = config.batchSize * config.gradientAccumulationSteps;
  return new PromptBatches(drawn, rows, config.seed);
}

/** Number of tokens of a run's first pass. */
function firstPass(train: ReadablePairs, config: RewardRunConfig): number {
  const rows = batchesOf(train, config).nextRows().slice(0, config.batchSize);
  const pairs = rows.map((row) => train.pair(row));
  return pairs.reduce((sum, { chosen, rejected }) => sum + chosen.length + rejected.length, 0);
}

function unused(): never {
  throw new Error("pairs are drawn by their numbers");
}
