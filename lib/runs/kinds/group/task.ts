import type { Example } from "../../../data/dataset.ts";
import { winRate } from "../../../evaluation/compare.ts";
import { comparisonToCsv } from "../../../evaluation/comparison_formats.ts";
import { isPendingAfter } from "../../../event_loop.ts";
import type { GenerationConfig } from "../../../generation/generation_config.ts";
import { readAdapterValues, saveAdapter } from "../../../models/policy.ts";
import type { GroupStats } from "../../../rl/group_trainer.ts";
import type { GRPOTrainer } from "../../../rl/grpo_trainer.ts";
import type { RLOOTrainer } from "../../../rl/rloo_trainer.ts";
import { Rollouts } from "../../../rl/rollouts.ts";
import type { RewardColumns } from "../../../rl/weighted_reward.ts";
import type { AdaptedModel } from "../../../training/adapter_trainer.ts";
import { mean } from "../../../training/moments.ts";
import { learningRateAt } from "../../../training/schedules.ts";
import { responseRow } from "../../../training/token_rows.ts";
import { baseModelName } from "../../loading/locate.ts";
import type { GroupRunConfig } from "../../settings/group_config.ts";
import type {
  Conclusion,
  DivergenceGuard,
  FinishedSteps,
  RunContext,
  RunTask,
  StepReport,
} from "../run_task.ts";
import {
  type CollapseGuard,
  likelihoodGuard,
  likelihoods,
  someOf,
  type Watched,
} from "../collapse_guard.ts";
import type { FleetPrompt } from "../fleet/rollout_fleet.ts";
import { checkStaleness, StepsAhead } from "../fleet/steps_ahead.ts";
import { groupCard } from "./card.ts";
import { groupSampling } from "./generator.ts";
import { type GroupIngredients, loadGroupIngredients } from "./ingredients.ts";
import {
  compareSamples,
  first,
  type GroupMeasurement,
  groupMeasurementLine,
  measureRewards,
  parseGroupMeasurement,
} from "./measurement.ts";
import { BEFORE_FILE, type GroupSummary } from "./summary.ts";

/** Trainer of an algorithm on groups. */
export type AnyGroupTrainer = GRPOTrainer | RLOOTrainer;

/** Responses that a step learns from. */
export interface GroupRollouts {
  /** Prompt of each response. */
  readonly prompts: readonly Example[];
  readonly rollouts: Rollouts;
  /** Responses as text. */
  readonly responses: readonly string[];
  readonly rewards: RewardColumns;
  /** Seconds of each part; optimization has the reference's pass alone, where it came first. */
  readonly times: Readonly<Record<`time/${"generate" | "score" | "optimize"}`, number>>;
  /** Statistics of the machines that responded. */
  readonly fleetMetrics: Record<string, number>;
}

/** Milliseconds after which rewards count as waiting for something, such as a judge. */
const QUICK_REWARDS_MS = 20;

/** Names of an algorithm. */
export interface GroupAlgorithm<Config extends GroupRunConfig> {
  /** Name for people. */
  readonly title: string;
  /** Makes the trainer. @throws {UserError} when the settings are not possible */
  trainer(policy: AdaptedModel, config: Config): AnyGroupTrainer;
}

/** A run of GRPO or RLOO: groups of responses are rewarded and trained on. */
export class GroupTask<Config extends GroupRunConfig>
  implements RunTask<GroupStats, GroupMeasurement, GroupSummary, GroupRollouts> {
  readonly trainer: AnyGroupTrainer;
  readonly steps: number;
  readonly sources: Readonly<Record<string, string>>;
  readonly guard: DivergenceGuard;
  readonly beforeFile = BEFORE_FILE;
  readonly trainedFolder = "adapter";
  /** Prompts of the last step, and its rollouts once they are collected. */
  #last: { prompts: readonly Example[]; batch: GroupRollouts | null } = {
    prompts: [],
    batch: null,
  };
  readonly #prompts: StepsAhead;
  readonly #collapse: CollapseGuard;

  private constructor(
    private readonly context: RunContext<Config>,
    private readonly algorithm: GroupAlgorithm<Config>,
    private readonly ingredients: GroupIngredients,
  ) {
    const { config } = context;
    this.trainer = algorithm.trainer(ingredients.policy, config);
    this.steps = config.steps;
    this.#prompts = new StepsAhead(ingredients.batches, config.staleness, config.steps);
    this.#collapse = likelihoodGuard("policy", config.maxTokenKl);
    this.sources = ingredients.sources;
    this.guard = { onDivergence: config.onDivergence, batchRows: () => this.#batchRows() };
  }

  /** Loads all that the run needs. @throws {UserError} when something does not load */
  static async open<Config extends GroupRunConfig>(
    context: RunContext<Config>,
    algorithm: GroupAlgorithm<Config>,
  ): Promise<GroupTask<Config>> {
    checkStaleness(context);
    return new GroupTask(context, algorithm, await loadGroupIngredients(context));
  }

  get position(): unknown {
    return this.#prompts.position;
  }

  set position(position: unknown) {
    this.#prompts.position = position;
  }

  async collect(step: number): Promise<GroupRollouts> {
    const { config, fleet } = this.context;
    const { tokenizer, rewards: { rewards }, policy: { model, adapter } } = this.ingredients;
    const { examples, drawn } = this.#prompts.take(step);
    const prompts = examples.flatMap((example) =>
      new Array<Example>(config.numGenerations).fill(example)
    );
    this.#last = { prompts, batch: null };
    const started = performance.now();
    const collected = fleet && await fleet.collect(
      step,
      drawn.map(({ step, examples }) => ({ step, prompts: this.#fleetPrompts(examples, step) })),
      {
        parameters: adapter.parameters,
        lora: adapter.config,
        vocabSize: model.vocabSize,
        rewards: rewards.rewards.map(({ name }) => name),
      },
      () => this.trainer.readAhead(prompts.map(({ inputIds }) => inputIds)),
    );
    const rollouts = collected
      ? Rollouts.label(
        collected.responses,
        collected.staleness === 0 ? adapter.parameters.revision : undefined,
        null,
      )
      : await this.trainer.generate(
        examples.map(({ inputIds }) => inputIds),
        {
          ...this.#sampling(config.maxCompletionLength),
          firstRollout: (step - 1) * config.batchSize,
        },
        { tokenizer },
      );
    const generated = performance.now();
    const responses = rollouts.map(({ tokens }) =>
      tokenizer.decode(tokens, { skipSpecialTokens: true })
    );
    const scoring = rewards.columns(
      prompts.map(({ query, columns }, i) => ({ query, response: responses[i], columns })),
      collected?.scores,
    );
    const compared = await this.#compareWhile(scoring, prompts, rollouts);
    const columns = await scoring;
    const batch = {
      prompts,
      rollouts,
      responses,
      rewards: columns,
      times: {
        "time/generate": (generated - started) / 1000,
        "time/score": (performance.now() - generated) / 1000 - compared,
        "time/optimize": compared,
      },
      fleetMetrics: collected?.metrics ?? {},
    };
    this.#last = { prompts, batch };
    return batch;
  }

  async step(batch: GroupRollouts, step: number): Promise<StepReport<GroupStats>> {
    const { prompts, rollouts, responses, rewards, times, fleetMetrics } = batch;
    const { evalEvery, numGenerations } = this.context.config;
    const started = performance.now();
    const rate = learningRateAt(this.trainer.stepsDone, this.trainer.config);
    const stats = await this.#collapse.watch(
      step,
      rate,
      this.#watched(prompts, rollouts),
      () =>
        this.trainer.step(
          prompts.map(({ inputIds }) => inputIds),
          rollouts.map(({ tokens }) => tokens),
          rewards,
          rollouts,
        ),
    );
    const optimized = performance.now();
    const due = evalEvery > 0 && step % evalEvery === 0;
    const measurement = due ? await this.measure() : null;
    return {
      stats,
      metrics: {
        ...stats.metrics,
        reward_dist: stats.rewards.filter(Number.isFinite),
        ...times,
        ...fleetMetrics,
        "time/optimize": times["time/optimize"] + (optimized - started) / 1000,
        ...(measurement && evaluationOf(measurement, optimized)),
      },
      samples: prompts.map(({ query }, row) => ({
        query,
        response: responses[row],
        // What no reward has judged has none.
        reward: Number.isFinite(stats.rewards[row]) ? stats.rewards[row] : null,
        rewards: rewardsOf(rewards, row),
        advantage: stats.advantages[row],
        group: Math.floor(row / numGenerations),
        length: rollouts[row].tokens.length,
      })),
      score: stats.metrics.reward,
      ...(measurement ? { measured: first(measurement.rewards).mean } : {}),
    };
  }

  async measure(signal?: AbortSignal): Promise<GroupMeasurement> {
    const { policy, tokenizer, evalRewards, evalPrompts } = this.ingredients;
    const { maxCompletionLength, evalMaxNewTokens, seed } = this.context.config;
    const { evalTemperature, temperature } = this.context.config;
    const generation = {
      ...this.#sampling(evalMaxNewTokens ?? maxCompletionLength),
      doSample: evalTemperature !== 0,
      temperature: evalTemperature || temperature,
    };
    const { rewards } = evalRewards;
    return await measureRewards(policy, tokenizer, rewards, evalPrompts, generation, seed, signal);
  }

  parseMeasurement(json: unknown): GroupMeasurement | null {
    const { evalPrompts, evalRewards: { rewards } } = this.ingredients;
    const names = rewards.rewards.map(({ name }) => name);
    return parseGroupMeasurement(json, evalPrompts.map(({ query }) => query), names);
  }

  describe(when: "before" | "after", measurement: GroupMeasurement): string {
    return groupMeasurementLine(`${when} training`, measurement);
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
    before: GroupMeasurement,
    after: GroupMeasurement,
    run: FinishedSteps,
  ): Promise<Conclusion<GroupSummary>> {
    const { config, hooks } = this.context;
    const { policy, count, rewards, evalRewards } = this.ingredients;
    const comparison = compareSamples(before.samples, after.samples);
    const changes = Object.entries(after.rewards).map(([name, statistics]) => [
      name,
      { before: before.rewards[name], after: statistics },
    ]);
    const summary: GroupSummary = {
      reward: { before: first(before.rewards), after: first(after.rewards) },
      rewards: Object.fromEntries(changes),
      winRate: winRate(comparison),
      steps: this.steps,
      parameters: count,
      seconds: run.elapsed(),
    };
    for (const loaded of new Set([rewards, evalRewards])) {
      for (const notice of loaded.notices()) hooks.info?.(notice);
    }
    const { title } = this.algorithm;
    return {
      summary,
      files: {
        "comparison.csv": comparisonToCsv(comparison),
        "adapter/README.md": groupCard(policy.model, config, title, summary, comparison),
      },
      comparison,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ingredients.data[Symbol.asyncDispose]();
  }

  /**
   * Lets the device compare responses with the reference while rewards are awaited.
   *
   * @returns seconds that this took
   */
  async #compareWhile(
    scoring: Promise<unknown>,
    prompts: readonly Example[],
    rollouts: Rollouts,
  ): Promise<number> {
    if (!await isPendingAfter(QUICK_REWARDS_MS, scoring)) return 0;
    const started = performance.now();
    await this.trainer.compareAhead(
      prompts.map(({ inputIds }) => inputIds),
      rollouts.map(({ tokens }) => tokens),
    );
    return (performance.now() - started) / 1000;
  }

  /** Likelihood of some of a step's responses, which is known of the policy that drew them. */
  #watched(prompts: readonly Example[], rollouts: Rollouts): Watched {
    const { policy: { model, adapter } } = this.ingredients;
    const { temperature } = this.context.config;
    const chosen = someOf([...prompts.keys()]);
    const rows = () =>
      chosen.map((row) => responseRow(model, prompts[row].inputIds, rollouts[row].tokens));
    return {
      before: chosen.map((row) => mean(rollouts[row].logprobs!)),
      now: () => likelihoods({ model, adapter, temperature }, rows()),
    };
  }

  #sampling(maxNewTokens: number): GenerationConfig {
    return { ...groupSampling(this.context.config), maxNewTokens };
  }

  #fleetPrompts(examples: readonly Example[], step: number): FleetPrompt[] {
    const { batchSize, numGenerations, maxCompletionLength } = this.context.config;
    return examples.map(({ query, inputIds, columns }, index) => ({
      text: query,
      tokens: inputIds,
      columns,
      firstRollout: (step - 1) * batchSize + index * numGenerations,
      responses: numGenerations,
      maxNewTokens: maxCompletionLength,
    }));
  }

  #batchRows(): object[] {
    const { prompts, batch } = this.#last;
    return prompts.map(({ id, query, inputIds }, row) => ({
      id,
      query,
      response: batch?.responses[row],
      rewards: batch && rewardsOf(batch.rewards, row),
      queryTokens: inputIds,
      responseTokens: batch?.rollouts[row].tokens,
      logprobs: batch?.rollouts[row].logprobs,
    }));
  }
}

function rewardsOf(columns: RewardColumns, row: number): Record<string, number | null> {
  return Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values[row]]));
}

/** A measurement on the way, for `metrics.jsonl`. */
function evaluationOf(
  { rewards }: GroupMeasurement,
  started: number,
): Record<string, number> {
  return {
    ...Object.fromEntries(
      Object.entries(rewards).map(([name, { mean }]) => [`eval/${name}/mean`, mean]),
    ),
    "time/eval": (performance.now() - started) / 1000,
  };
}
