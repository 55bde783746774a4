import { TrainingDivergedError, UserError } from "../errors.ts";
import { yieldToEventLoop } from "../event_loop.ts";
import type { GenerationOptions } from "../generation/generate.ts";
import type { GenerationConfig } from "../generation/generation_config.ts";
import { checkTokens } from "../models/language_model.ts";
import type { Policy } from "../models/policy.ts";
import type { LoraAdapter } from "../nn/lora.ts";
import { Adam } from "../nn/optimizer.ts";
import type { Parameters } from "../nn/parameters.ts";
import { z } from "../packages/zod.ts";
import { Random } from "../random.ts";
import { checkFinite } from "../training/divergence.ts";
import { frozenCopy } from "../training/reference.ts";
import { learningRateAt } from "../training/schedules.ts";
import { slices } from "../training/slices.ts";
import { predict } from "../training/token_pass.ts";
import { parseState, randomState, type Trainer } from "../training/trainer.ts";
import { AdaptiveKLController, FixedKLController, type KLController } from "./kl_controller.ts";
import { mean } from "../training/moments.ts";
import { PhaseClock } from "./phase_clock.ts";
import { type PolicyUpdate, updatePolicy } from "./policy_update.ts";
import { type PPOConfig, type PPOConfigInput, resolvePPOConfig } from "./ppo_config.ts";
import { completeRollout, layOutResponse, type Rollout, type ScoredResponse } from "./rollout.ts";
import { RolloutSource } from "./rollout_source.ts";
import { reportedPredictions, Rollouts, type SampledTokens } from "./rollouts.ts";
import { averageStatistics, batchStatistics, type PPOStats } from "./statistics.ts";

/**
 * State of a trainer between steps, beside its buffers on the device: the trained parameters, the
 * optimizer's moments and the reference.
 */
export interface PPOTrainerState {
  /** PPO steps done. */
  step: number;
  /** The KL coefficient of the next step. */
  klCoef: number;
  /** State of the generator behind the order of minibatches and dropout. */
  random: number[];
}

const stateSchema: z.ZodType<PPOTrainerState> = z.object({
  step: z.int().nonnegative(),
  klCoef: z.number(),
  random: randomState,
});

/**
 * Proximal policy optimisation (Schulman et al. 2017, https://arxiv.org/abs/1707.06347) of a LoRA
 * adapter and a value head, with a penalty on the KL from a reference, as TRL 0.4 computes it.
 */
export class PPOTrainer implements Trainer {
  /** Every setting, resolved. */
  readonly config: PPOConfig;
  /** Its moments and step count belong to a checkpoint. */
  readonly optimizer: Adam;
  /**
   * The adapter that the KL is measured from: a frozen copy of the first one. Null for none, also
   * where that was new and changed nothing: the base model says the same, bit for bit, in less time
   * and memory.
   */
  readonly reference: LoraAdapter | null;
  readonly #klController: KLController;
  readonly #random: Random;
  /** Steps done, which the learning rate follows. */
  stepsDone = 0;
  readonly #rollouts: RolloutSource;

  /**
   * Trains the policy in place. A reference "initial" is the adapter as it is now.
   *
   * @throws {UserError} when the settings are not possible.
   * @throws {OutOfMemoryError} when the optimizer's moments or the reference do not fit.
   */
  constructor(
    /** Policy that is trained. */
    readonly policy: Policy,
    config: PPOConfigInput = {},
  ) {
    this.config = resolvePPOConfig(config);
    const { initKlCoef, target, horizon, adamBeta1, adamBeta2 } = this.config;
    const { adapter } = policy;
    const isNeeded = this.config.reference === "initial" && !adapter.changesNothing;
    this.reference = isNeeded ? frozenCopy(adapter) : null;
    this.optimizer = new Adam(policy.parameters, {
      betas: [adamBeta1, adamBeta2],
      eps: this.config.adamEpsilon,
      weightDecay: this.config.weightDecay,
      decoupled: this.config.optimizer === "adamw",
    });
    this.#klController = this.config.adapKlCtrl
      ? new AdaptiveKLController(initKlCoef, target, horizon)
      : new FixedKLController(initKlCoef);
    this.#random = new Random(this.config.seed);
    this.#rollouts = new RolloutSource(policy, policy.parameters, this.config.activationMemory);
  }

  /**
   * Lets the policy respond to a batch of queries, as TRL's `generate`. Beside the responses there
   * are logprobs and values for {@linkcode PPOTrainer.step} (not in the `trl-0.4` mode, which cuts
   * responses) and what a step on them can go on from. Calls may overlap.
   *
   * @param queries tokens of the prompts
   * @param options `tokenizer`: decoder of the text that `stopStrings` are looked for in
   * @returns `numReturnSequences` rows for each query, adjacent
   * @throws {UserError} when a setting or a query is impossible, or a step is running
   * @throws {NotFiniteError} when the model's logits are not finite
   */
  generate(
    queries: readonly (readonly number[])[],
    generation: GenerationConfig,
    { tokenizer = null }: Pick<GenerationOptions, "tokenizer"> = {},
  ): Promise<Rollouts> {
    const { valueHead } = this.policy;
    const reported = this.#compat === "none" ? { valueHead, logprobs: true } : {};
    const options = { tokenizer, ...reported };
    return this.#rollouts.generate(
      queries,
      generation,
      options,
      (count) => this.#trainedFirst(count),
    );
  }

  /**
   * Reads prompts ahead of a step on responses that are drawn elsewhere, while they are: those of the
   * first minibatch with the policy, all with the reference. The next step goes on from there, where it
   * would read the same; its results are the same, bit for bit. Until then memory is held as
   * {@linkcode PPOTrainer.generate} holds it.
   *
   * @param queries tokens of the prompts, `batchSize` rows
   * @throws {UserError} when a step is running
   */
  readAhead(queries: readonly (readonly number[])[]): Promise<void> {
    const reference = { model: this.policy.model, adapter: this.reference };
    return this.#rollouts.readAhead(queries, this.#trainedFirst(queries.length), reference);
  }

  /**
   * Optimises the policy on one batch of rollouts.
   *
   * @param queries tokens of the prompts, `batchSize` rows
   * @param responses tokens the policy generated, without the decoder's start token (in the
   *   `trl-0.4` mode: the decoder's input, as it stands)
   * @param scores rewards of the responses
   * @param sampled what {@linkcode PPOTrainer.generate} returned for the responses, from the policy
   *   as it is: then the step need not compute it again; the result is the same, bit for bit
   * @throws {UserError} when there is not one of each for every row, a row cannot be trained on, a
   *   row of `sampled` was generated before the last update, or another call is running
   * @throws {TrainingDivergedError} when the loss or its gradient is not finite (no update is made
   *   from such a gradient: the parameters stay finite) or the policy moved too far
   *   (`ratioThreshold`). A {@linkcode TrainerSnapshot} takes back the updates that were made.
   */
  async step(
    queries: readonly (readonly number[])[],
    responses: readonly (readonly number[])[],
    scores: readonly number[],
    sampled?: readonly SampledTokens[],
  ): Promise<PPOStats> {
    return await this.#rollouts.exclusively(() => this.#step(queries, responses, scores, sampled));
  }

  async #step(
    queries: readonly (readonly number[])[],
    responses: readonly (readonly number[])[],
    scores: readonly number[],
    sampled?: readonly SampledTokens[],
  ): Promise<PPOStats> {
    const { config, policy } = this;
    const clock = new PhaseClock();
    const klCoef = this.#klController.coef;
    const learningRate = learningRateAt(this.stepsDone, config);
    const scored = this.#layOut(queries, responses, scores);
    const rollouts = await this.#rollOut(scored, sampled, klCoef, clock);

    const updates: Promise<PolicyUpdate>[] = [];
    const updateRows = config.miniBatchSize * config.gradientAccumulationSteps;
    const random = config.policyDropout ? this.#random : null;
    let promptPass = this.#rollouts.promptPassOf(sampled);
    optimisation: for (let epoch = 0; epoch < config.ppoEpochs; epoch++) {
      const order = config.shuffleMinibatches ? this.#random.shuffle([...rollouts]) : rollouts;
      for (const minibatch of slices(order, updateRows)) {
        const options = { config, learningRate, random, promptPass };
        const update = updatePolicy(policy, this.optimizer, minibatch, options);
        this.#rollouts.release();
        promptPass = null;
        updates.push(update);
        await yieldToEventLoop();
        if (!config.earlyStopping) continue;
        const policyKl = (await update).statistics["ppo/policy/policykl"];
        if (policyKl > 1.5 * config.targetKl) break optimisation;
      }
    }
    const updated = await Promise.all(updates);
    for (const update of updated) this.#check(update);
    clock.lap("optimize_step");

    const batch = batchStatistics(rollouts, klCoef);
    const minibatch = averageStatistics(updated.map(({ statistics }) => statistics));
    this.#klController.update(batch["objective/kl"], config.batchSize);
    this.stepsDone++;
    clock.lap("calc_stats");
    return {
      ...batch,
      ...minibatch,
      "ppo/val/var_explained": 1 - minibatch["ppo/val/error"] / minibatch["ppo/returns/var"],
      "ppo/policy/advantages": Float32Array.from(
        updated.flatMap(({ advantages }) => [...advantages]),
      ),
      "ppo/policy/ratio": Float32Array.from(updated.flatMap(({ ratio }) => [...ratio])),
      "ppo/learning_rate": learningRate,
      ...clock.seconds(),
    };
  }

  /** Predictions of the policy and the reference, rewards and advantages of scored responses. */
  async #rollOut(
    scored: readonly ScoredResponse[],
    sampled: readonly SampledTokens[] | undefined,
    klCoef: number,
    clock: PhaseClock,
  ): Promise<Rollout[]> {
    const { config, policy } = this;
    // Rollouts of the trl-0.4 mode report nothing: its responses are cut.
    const isReported = sampled && !(sampled instanceof Rollouts && this.#compat !== "none");
    const [current, reference] = await Promise.all([
      isReported
        ? reportedPredictions(scored, sampled, policy.parameters.revision)
        : predict(policy, scored),
      this.#rollouts.withReferencePrompts((prompts) =>
        predict({ model: policy.model, adapter: this.reference }, scored, { prompts })
      ),
    ]);
    clock.lap("forward_pass");
    const rollouts = scored.map((response, i) => {
      const { logprobs, values } = current[i];
      const predictions = { logprobs, values: values!, refLogprobs: reference[i].logprobs };
      return completeRollout(response, predictions, klCoef, config);
    });
    clock.lap("compute_rewards");
    return rollouts;
  }

  /** Parameters of the adapter and the value head. */
  get parameters(): Parameters {
    return this.policy.parameters;
  }

  /** The reference, where it is an adapter. */
  get frozen(): Record<string, Parameters> {
    return this.reference ? { reference: this.reference.parameters } : {};
  }

  /** State to keep, beside the buffers on the device, to go on from here exactly. */
  state(): PPOTrainerState {
    return { step: this.stepsDone, klCoef: this.#klController.coef, random: this.#random.state };
  }

  /**
   * Goes on from a state.
   *
   * @throws {UserError} when it is not a state of PPO
   */
  setState(state: unknown): void {
    const { step, klCoef, random } = parseState(stateSchema, state, "PPO");
    this.stepsDone = step;
    this.#klController.coef = klCoef;
    this.#random.state = random;
  }

  /** Frees what the trainer made on the device: the optimizer's moments and the reference. */
  dispose(): void {
    this.#rollouts.release();
    this.optimizer.dispose();
    this.reference?.parameters.dispose();
  }

  /** Rows of a batch that make up the next step's first minibatch; none where they change. */
  #trainedFirst(count: number): number[] {
    const { batchSize, miniBatchSize, shuffleMinibatches, policyDropout } = this.config;
    // Dropout changes what reading the prompts gives.
    if (count !== batchSize || policyDropout) return [];
    const order = [...Array(count).keys()];
    if (shuffleMinibatches) this.#random.copy().shuffle(order);
    return order.slice(0, miniBatchSize);
  }

  /** TRL 0.4 leaves out tokens of encoder-decoders alone: what others read has no start token. */
  get #compat(): PPOConfig["compat"] {
    return this.policy.model.taskType === "CAUSAL_LM" ? "none" : this.config.compat;
  }

  #layOut(
    queries: readonly (readonly number[])[],
    responses: readonly (readonly number[])[],
    scores: readonly number[],
  ): ScoredResponse[] {
    const { batchSize } = this.config;
    const counts = [queries.length, responses.length, scores.length];
    if (counts.some((count) => count !== batchSize)) {
      throw new UserError(
        `a PPO step was given ${counts[0]} queries, ${counts[1]} responses and ${counts[2]} ` +
          `scores; expected ${batchSize} of each (\`batchSize\`)`,
      );
    }
    const { model } = this.policy;
    return queries.map((query, row) => {
      const response = responses[row];
      checkTokens(model, query, `query ${row}`);
      checkTokens(model, response, `response ${row}`);
      const scored = { query, response, score: scores[row] };
      return layOutResponse(row, scored, this.#compat, model.firstInput(query));
    });
  }

  #check({ statistics, gradNorm, ratio }: PolicyUpdate): void {
    const step = `PPO step ${this.stepsDone + 1}`;
    const meanRatio = mean(ratio);
    const { ratioThreshold } = this.config;
    if (ratioThreshold !== null && meanRatio > ratioThreshold) {
      throw new TrainingDivergedError(
        `training diverged in ${step}: the mean probability ratio of a ` +
          `minibatch is ${meanRatio}, \`ratioThreshold\` is ${ratioThreshold}; try a lower ` +
          "`learningRate` or fewer `ppoEpochs`",
      );
    }
    checkFinite(step, {
      "policy loss": statistics["ppo/loss/policy"],
      "value loss": statistics["ppo/loss/value"],
      "gradient's norm": gradNorm,
    });
  }
}
