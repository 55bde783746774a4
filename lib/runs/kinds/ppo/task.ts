import type { Example } from "../../../data/dataset.ts";
import type { Tokenizer } from "../../../data/tokenizer.ts";
import { compareResponses, type ComparisonRow } from "../../../evaluation/compare.ts";
import { comparisonToCsv } from "../../../evaluation/comparison_formats.ts";
import type { PolicyToxicity } from "../../../evaluation/evaluate_policy.ts";
import type { SampleStatistics } from "../../../evaluation/statistics.ts";
import { readValueHead } from "../../../formats/peft.ts";
import { readAdapterValues, savePolicy } from "../../../models/policy.ts";
import { PPOTrainer } from "../../../rl/ppo_trainer.ts";
import type { PPOStats } from "../../../rl/statistics.ts";
import { baseModelName } from "../../loading/locate.ts";
import { countParameters } from "../../../models/parameter_count.ts";
import { ppoConfigOf, type TrainConfig } from "../../settings/config.ts";
import type {
  Conclusion,
  DivergenceGuard,
  FinishedSteps,
  RunContext,
  RunTask,
  StepReport,
} from "../run_task.ts";
import { ppoCard } from "./card.ts";
import { type Ingredients, loadIngredients } from "./ingredients.ts";
import { checkStaleness, StepsAhead } from "../fleet/steps_ahead.ts";
import { checkKl } from "./kl_guard.ts";
import { collectRollouts, fleetPrompts, type RolloutBatch, type ScoredSample } from "./rollouts.ts";
import { BEFORE_FILE, type Summary } from "./summary.ts";
import { measurePolicy, parseToxicity, toxicityLine } from "../toxicity.ts";

/** Statistics of single tokens: as long as all rollouts together, and in no chart. */
const PER_TOKEN: readonly string[] = [
  "objective/logprobs",
  "objective/ref_logprobs",
  "ppo/policy/advantages",
  "ppo/policy/ratio",
];

/** A PPO run: rollouts are rewarded and trained on; toxicity is measured before and after. */
export class PPOTask implements RunTask<PPOStats, PolicyToxicity, Summary, RolloutBatch> {
  readonly trainer: PPOTrainer;
  readonly steps: number;
  readonly sources: Readonly<Record<string, string>>;
  readonly guard: DivergenceGuard;
  readonly beforeFile = BEFORE_FILE;
  readonly trainedFolder = "adapter";
  readonly #context: RunContext<TrainConfig>;
  readonly #ingredients: Ingredients;
  readonly #baseModel: string;
  readonly #prompts: StepsAhead;
  /** Prompts of the last step, and its rollouts once they are collected. */
  #last: { prompts: readonly Example[]; batch: RolloutBatch | null } = { prompts: [], batch: null };

  private constructor(context: RunContext<TrainConfig>, ingredients: Ingredients) {
    const { config } = context;
    this.#context = context;
    this.#ingredients = ingredients;
    this.#prompts = new StepsAhead(ingredients.batches, config.staleness, config.steps);
    this.#baseModel = baseModelName(config.model);
    this.trainer = new PPOTrainer(ingredients.policy, ppoConfigOf(config));
    this.steps = config.steps;
    this.sources = ingredients.sources;
    this.guard = { onDivergence: config.onDivergence, batchRows: () => this.#batchRows() };
  }

  /** Loads all that the run needs. @throws {UserError} when something does not load */
  static async open(context: RunContext<TrainConfig>): Promise<PPOTask> {
    checkStaleness(context);
    return new PPOTask(context, await loadIngredients(context));
  }

  get position(): unknown {
    return this.#prompts.position;
  }

  set position(position: unknown) {
    this.#prompts.position = position;
  }

  async collect(step: number): Promise<RolloutBatch> {
    const { policy: { tokenizer }, loadedRewards: { rewards } } = this.#ingredients;
    const { config, fleet } = this.#context;
    const { examples: prompts, drawn } = this.#prompts.take(step);
    this.#last = { prompts, batch: null };
    const requests = drawn.map(({ step, examples }) => ({
      step,
      prompts: fleetPrompts(examples, step, config),
    }));
    const batch = await collectRollouts(
      this.trainer,
      tokenizer,
      rewards,
      prompts,
      step - 1,
      config,
      fleet ? { fleet, requests } : null,
    );
    this.#last = { prompts, batch };
    return batch;
  }

  async step(batch: RolloutBatch, step: number): Promise<StepReport<PPOStats>> {
    const { queries, responses, scores, rollouts, samples, times, fleetMetrics } = batch;
    const stats = await this.trainer.step(queries, responses, scores, rollouts);
    checkKl(step, stats, this.#context.config);
    const { policy: { tokenizer } } = this.#ingredients;
    const { evalEvery } = this.#context.config;
    const due = evalEvery > 0 && step % evalEvery === 0;
    const started = performance.now();
    const toxicity = due ? await this.measure() : null;
    return {
      stats,
      metrics: {
        ...metricsOf(stats),
        ...rewardMeans(samples),
        ...times,
        ...fleetMetrics,
        ...(toxicity ? evaluationOf(toxicity, started) : {}),
      },
      samples: samples.map((sample, index) => ({
        ...sample,
        kl: stats["objective/kl_dist"][index],
        ...tokenRatios(tokenizer, responses[index], stats, index),
      })),
      score: stats["ppo/mean_scores"],
      ...(toxicity ? { measured: -toxicity.mean } : {}),
    };
  }

  async measure(signal?: AbortSignal): Promise<PolicyToxicity> {
    const { policy, toxicityClassifier, evalPrompts } = this.#ingredients;
    const { config } = this.#context;
    return await measurePolicy(policy, toxicityClassifier, evalPrompts, config, signal);
  }

  parseMeasurement(json: unknown): PolicyToxicity | null {
    return parseToxicity(json, this.#ingredients.evalPrompts.map(({ query }) => query));
  }

  describe(when: "before" | "after", toxicity: PolicyToxicity): string {
    return toxicityLine(`toxicity ${when} training`, toxicity);
  }

  async writeTrained(folder: string): Promise<void> {
    await savePolicy(this.trainer.policy, folder, this.#baseModel);
  }

  async *readTrained(folder: string): AsyncGenerator<readonly [string, Float32Array]> {
    yield* readAdapterValues(folder);
    const valueHead = await readValueHead(folder);
    if (!valueHead) return;
    yield ["v_head.summary.weight", valueHead.weight];
    yield ["v_head.summary.bias", Float32Array.of(valueHead.bias)];
  }

  async saveTrained(folder: string): Promise<void> {
    const { peftFormat } = this.#context.config;
    await savePolicy(this.trainer.policy, folder, this.#baseModel, peftFormat);
  }

  async conclude(
    before: PolicyToxicity,
    after: PolicyToxicity,
    run: FinishedSteps,
  ): Promise<Conclusion<Summary>> {
    const { config, hooks } = this.#context;
    const { policy, loadedRewards, evalPrompts } = this.#ingredients;
    const comparison = await compareResponses(
      evalPrompts.map(({ query }) => query),
      before.samples.map(({ response }) => response),
      after.samples.map(({ response }) => response),
      async (samples) => (await loadedRewards.rewards.score(samples)).totals,
      { columns: evalPrompts.map(({ columns }) => columns) },
    );
    const summary: Summary = {
      toxicity: { before: statisticsOf(before), after: statisticsOf(after) },
      reward: meanRewards(comparison),
      steps: this.steps,
      parameters: countParameters(policy).withValueHead,
      seconds: run.elapsed(),
    };
    for (const notice of loadedRewards.notices()) hooks.info?.(notice);
    return {
      summary,
      files: {
        "comparison.csv": comparisonToCsv(comparison),
        "adapter/README.md": ppoCard(policy.model, config, summary, comparison),
      },
      comparison,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ingredients.data[Symbol.asyncDispose]();
  }

  #batchRows(): object[] {
    const { prompts, batch } = this.#last;
    return prompts.map(({ id, query, inputIds }, index) => ({
      id,
      query,
      ...batch?.samples[index],
      queryTokens: inputIds,
      responseTokens: batch?.responses[index],
      logprobs: batch?.rollouts[index].logprobs,
      values: batch?.rollouts[index].values,
    }));
  }
}

/** A step's statistics for `metrics.jsonl`: numbers, and arrays with a number for each rollout. */
function metricsOf(stats: PPOStats): Record<string, number | number[]> {
  const kept = Object.entries(stats).filter(([name]) => !PER_TOKEN.includes(name));
  return Object.fromEntries(kept.map(([name, value]) => [
    name,
    typeof value === "number" ? value : Array.from(value as ArrayLike<number>),
  ]));
}

/** Mean score of each of several rewards; a single one's is `ppo/mean_scores`, up to its weight. */
function rewardMeans(samples: readonly ScoredSample[]): Record<string, number> {
  const names = Object.keys(samples[0]?.rewards ?? {});
  if (names.length < 2) return {};
  return Object.fromEntries(names.map((name) => [
    `rewards/${name}/mean`,
    mean(samples.map(({ rewards }) => rewards[name])),
  ]));
}

/** A measurement on the way, for `metrics.jsonl`. */
function evaluationOf(
  { mean, interval: [low, high] }: PolicyToxicity,
  started: number,
): Record<string, number> {
  return {
    "eval/toxicity": mean,
    "eval/toxicity_low": low,
    "eval/toxicity_high": high,
    "time/eval": (performance.now() - started) / 1000,
  };
}

/**
 * A response's tokens with `log(π / π_ref)` of each, to three digits: what moved away from the
 * reference. Positions that do not count in the original stack's mode have none.
 */
function tokenRatios(
  tokenizer: Tokenizer,
  response: readonly number[],
  stats: PPOStats,
  rollout: number,
): { tokens: string[]; logRatios: number[] } {
  const logprobs = stats["objective/logprobs"][rollout];
  const reference = stats["objective/ref_logprobs"][rollout];
  return {
    tokens: tokenizer.tokenTexts(response.slice(response.length - logprobs.length)),
    logRatios: Array.from(logprobs, (value, i) => Number((value - reference[i]).toFixed(3))),
  };
}

function statisticsOf({ count, mean, std, interval }: PolicyToxicity): SampleStatistics {
  return { mean, std, count, interval };
}

function meanRewards(comparison: readonly ComparisonRow[]): Summary["reward"] {
  return {
    before: mean(comparison.map(({ rewardBefore }) => rewardBefore)),
    after: mean(comparison.map(({ rewardAfter }) => rewardAfter)),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}
