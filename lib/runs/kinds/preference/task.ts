import { winRate } from "../../../evaluation/compare.ts";
import { comparisonToCsv } from "../../../evaluation/comparison_formats.ts";
import { readAdapterValues, saveAdapter } from "../../../models/policy.ts";
import { answerRow } from "../../../preference/preference_pair.ts";
import { learningRateAt } from "../../../training/schedules.ts";
import { baseModelName } from "../../loading/locate.ts";
import type { PreferenceRunConfig } from "../../settings/preference_config.ts";
import {
  type CollapseGuard,
  likelihoodGuard,
  likelihoods,
  someOf,
  type Watched,
} from "../collapse_guard.ts";
import { compareSamples } from "../group/measurement.ts";
import type {
  Conclusion,
  DivergenceGuard,
  FinishedSteps,
  RunContext,
  RunTask,
  StepReport,
} from "../run_task.ts";
import { preferenceCard } from "./card.ts";
import { loadPreferenceIngredients, type PreferenceIngredients } from "./ingredients.ts";
import type { Learner, LearnerStats, Lesson, PreferenceAlgorithm } from "./learner.ts";
import {
  measureAnswers,
  measurementOf,
  parsePreferenceMeasurement,
  type PreferenceMeasurement,
  preferenceMeasurementLine,
} from "./measurement.ts";
import { BEFORE_FILE, type PreferenceSummary } from "./summary.ts";

/** Rows of a step that `samples.jsonl` shows: all of them would be a copy of the dataset. */
const SAMPLES_PER_STEP = 4;

/** A run of DPO, ORPO or KTO: an adapter is trained on preferences. */
export class PreferenceTask<Config extends PreferenceRunConfig, Tokens extends Lesson>
  implements RunTask<LearnerStats, PreferenceMeasurement, PreferenceSummary, number[]> {
  readonly trainer: Learner<Tokens>["trainer"];
  readonly steps: number;
  readonly sources: Readonly<Record<string, string>>;
  readonly guard: DivergenceGuard;
  readonly beforeFile = BEFORE_FILE;
  readonly trainedFolder = "adapter";
  readonly #learner: Learner<Tokens>;
  readonly #collapse: CollapseGuard;
  /** Rows of the last step. */
  #last: readonly number[] = [];

  private constructor(
    private readonly context: RunContext<Config>,
    private readonly algorithm: PreferenceAlgorithm<Config, Tokens>,
    private readonly ingredients: PreferenceIngredients<Tokens>,
  ) {
    const { config } = context;
    this.#learner = algorithm.learner(ingredients.policy, config, ingredients.train);
    this.trainer = this.#learner.trainer;
    this.#collapse = likelihoodGuard("policy", config.maxTokenKl);
    this.steps = this.#learner.steps;
    this.sources = ingredients.sources;
    this.guard = { onDivergence: config.onDivergence, batchRows: () => this.#batchRows() };
  }

  /** Loads all that the run needs. @throws {UserError} when something does not load */
  static async open<Config extends PreferenceRunConfig, Tokens extends Lesson>(
    context: RunContext<Config>,
    algorithm: PreferenceAlgorithm<Config, Tokens>,
  ): Promise<PreferenceTask<Config, Tokens>> {
    const ingredients = await loadPreferenceIngredients(context, algorithm);
    return new PreferenceTask(context, algorithm, ingredients);
  }

  get position(): unknown {
    return this.ingredients.batches.position;
  }

  set position(position: unknown) {
    this.ingredients.batches.position = position;
  }

  // deno-lint-ignore require-await
  async collect(): Promise<number[]> {
    const rows = this.ingredients.batches.nextRows();
    this.#last = rows;
    return rows;
  }

  async step(rows: number[], step: number): Promise<StepReport<LearnerStats>> {
    const { evalEvery } = this.context.config;
    const { train, held } = this.ingredients;
    const started = performance.now();
    const rate = learningRateAt(this.trainer.stepsDone, this.trainer.config);
    const stats = await this.#collapse.watch(
      step,
      rate,
      this.#watched(rows),
      () => this.#learner.step(rows.map((row) => train.tokens(row)), rows),
    );
    const seconds = (performance.now() - started) / 1000;
    const due = evalEvery > 0 && step % evalEvery === 0;
    const test = due ? await this.#learner.evaluate(held) : null;
    return {
      stats,
      metrics: {
        epoch: step * rows.length / train.length,
        ...stats.metrics,
        "rewards/accuracies": stats.metrics["rewards/accuracies"] ?? stats.accuracy,
        "time/step": seconds,
        ...(test && evaluationOf(test)),
      },
      samples: rows.slice(0, SAMPLES_PER_STEP).flatMap((row, i) =>
        this.#samples(row, i, stats.rewards[i])
      ),
      score: null,
      ...(test && { measured: -test.metrics.loss }),
    };
  }

  async measure(signal?: AbortSignal): Promise<PreferenceMeasurement> {
    const { policy, tokenizer, evalRewards, evalPrompts, held } = this.ingredients;
    const { evalMaxNewTokens: maxNewTokens, seed } = this.context.config;
    const judgement = await this.#learner.evaluate(held);
    signal?.throwIfAborted();
    const answers = await measureAnswers(
      policy,
      tokenizer,
      evalRewards && evalRewards.rewards,
      evalPrompts,
      { maxNewTokens, seed },
      signal,
    );
    return measurementOf(judgement, answers);
  }

  parseMeasurement(json: unknown): PreferenceMeasurement | null {
    const { evalPrompts, evalRewards, held } = this.ingredients;
    const names = evalPrompts.length === 0
      ? []
      : evalRewards?.rewards.rewards.map(({ name }) => name) ?? [];
    const queries = evalPrompts.map(({ query }) => query);
    return parsePreferenceMeasurement(json, held.length, queries, names);
  }

  describe(when: "before" | "after", measurement: PreferenceMeasurement): string {
    return preferenceMeasurementLine(`${when} training`, measurement);
  }

  async writeTrained(folder: string): Promise<void> {
    await saveAdapter(this.trainer.policy, folder, baseModelName(this.context.config.model));
  }

  readTrained(folder: string): AsyncIterable<readonly [string, Float32Array]> {
    return readAdapterValues(folder);
  }

  async saveTrained(folder: string): Promise<void> {
    const { model, peftFormat } = this.context.config;
    await saveAdapter(this.trainer.policy, folder, baseModelName(model), peftFormat);
  }

  // deno-lint-ignore require-await
  async conclude(
    before: PreferenceMeasurement,
    after: PreferenceMeasurement,
    run: FinishedSteps,
  ): Promise<Conclusion<PreferenceSummary>> {
    const { config, hooks } = this.context;
    const { policy, count, evalRewards } = this.ingredients;
    const comparison = evalRewards === null ? [] : compareSamples(before.samples, after.samples);
    const change = (of: (measurement: PreferenceMeasurement) => number) => ({
      before: of(before),
      after: of(after),
    });
    const summary: PreferenceSummary = {
      accuracy: change(({ accuracy }) => accuracy),
      margin: change(({ metrics }) => metrics["rewards/margins"]),
      loss: change(({ metrics }) => metrics.loss),
      count: after.count,
      rewards: Object.fromEntries(
        Object.entries(after.rewards).map(([name, statistics]) => [
          name,
          { before: before.rewards[name], after: statistics },
        ]),
      ),
      ...(comparison.length > 0 && { winRate: winRate(comparison) }),
      steps: this.steps,
      parameters: count,
      seconds: run.elapsed(),
    };
    for (const notice of evalRewards?.notices() ?? []) hooks.info?.(notice);
    const answers = after.samples.map(({ query, response }, i) => ({
      query,
      before: before.samples[i].response,
      after: response,
    }));
    const { title } = this.algorithm;
    return {
      summary,
      files: {
        "answers.jsonl": answers.map((row) => JSON.stringify(row) + "\n").join(""),
        ...(comparison.length > 0 && { "comparison.csv": comparisonToCsv(comparison) }),
        "adapter/README.md": preferenceCard(
          ...[policy.model, config, title, summary, comparison, answers] as const,
        ),
      },
      comparison,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ingredients.data[Symbol.asyncDispose]();
  }

  /** Likelihood of some of the answers that a step is to make more likely. */
  #watched(rows: readonly number[]): Watched {
    const { train, policy } = this.ingredients;
    const { config } = this.context;
    const chosen = someOf(rows.filter((row) => train.preferred(row) !== null));
    return {
      now: () =>
        likelihoods(
          policy,
          chosen.map((row) =>
            answerRow(
              ...[policy.model, train.tokens(row).prompt, train.preferred(row)!] as const,
              ...[config, `row ${row}`] as const,
            )
          ),
        ),
    };
  }

  /** Each answer of a row with its implied reward; both rewards of a pair stand beside each. */
  #samples(
    row: number,
    group: number,
    { margin, ...rewards }: Readonly<Record<string, number>>,
  ): object[] {
    const { prompt, answers } = this.ingredients.train.texts(row);
    return Object.entries(answers).map(([side, response]) => ({
      query: prompt,
      response,
      reward: rewards[side],
      rewards,
      side,
      ...(margin !== undefined && { margin }),
      group,
    }));
  }

  #batchRows(): object[] {
    const { train } = this.ingredients;
    return this.#last.map((row) => {
      const { prompt, answers } = train.texts(row);
      return { row, query: prompt, ...answers, tokens: train.tokens(row) };
    });
  }
}

/** A measurement on the way, for `metrics.jsonl`, by TRL's names. */
function evaluationOf({ metrics, accuracy }: LearnerStats): Record<string, number> {
  const all = { ...metrics, "rewards/accuracies": accuracy };
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [`eval_${name}`, value]));
}
