import { UserError } from "../errors.ts";
import { yieldToEventLoop } from "../event_loop.ts";
import type { TrainableClassifier } from "../models/trainable_classifier.ts";
import { Adam } from "../nn/optimizer.ts";
import type { Parameters } from "../nn/parameters.ts";
import { z } from "../packages/zod.ts";
import { Context } from "../tensor/context.ts";
import { checkFinite } from "../training/divergence.ts";
import { mean, sum } from "../training/moments.ts";
import { checkWarmup, learningRateAt } from "../training/schedules.ts";
import { slices } from "../training/slices.ts";
import { StepLock } from "../training/step_lock.ts";
import { trainingContext } from "../training/token_pass.ts";
import { parseState, type Trainer } from "../training/trainer.ts";
import { resolveRewardConfig, type RewardConfig, type RewardConfigInput } from "./reward_config.ts";
import { rewardLoss } from "./reward_loss.ts";

/** Two texts as tokens, prompt and answer together, of which one is better. */
export interface RewardPair {
  /** Tokens of the text with the better answer. */
  readonly chosen: readonly number[];
  /** Tokens of the text with the worse answer. */
  readonly rejected: readonly number[];
  /** Amount by which the better answer's reward is to be larger; default 0. */
  readonly margin?: number;
}

/** Rewards of a pair. */
export interface PairRewards {
  /** Reward of the better answer. */
  readonly chosen: number;
  /** Reward of the worse answer. */
  readonly rejected: number;
}

/** Results of a step. */
export interface RewardStats {
  /** Metrics by TRL's names. */
  readonly metrics: Record<string, number>;
  /** Rewards of each pair before the update. */
  readonly pairs: readonly PairRewards[];
}

/** State of a trainer between steps, beside its buffers on the device. */
export interface RewardTrainerState {
  /** Steps done. */
  step: number;
  /** Tokens of all texts so far. */
  numTokens: number;
}

const stateSchema: z.ZodType<RewardTrainerState> = z.object({
  step: z.int().nonnegative(),
  numTokens: z.number().nonnegative(),
});

/** Loss of some pairs, and its gradient by their rewards. */
interface PairsLoss {
  readonly loss: number;
  readonly gradients: readonly PairRewards[];
}

/**
 * Training of a reward model, a classifier with one output, on preferences (Ouyang et al. 2022,
 * https://arxiv.org/abs/2203.02155), as TRL's RewardTrainer computes it. Dropout is off, as it is there
 * by default.
 */
export class RewardTrainer implements Trainer {
  /** Every setting, resolved. */
  readonly config: RewardConfig;
  /** Its moments and step count belong to a checkpoint. */
  readonly optimizer: Adam;
  /** Nothing: there is no reference. */
  readonly frozen: Record<string, Parameters> = {};
  /** Steps done, which the learning rate follows. */
  stepsDone = 0;
  #numTokens = 0;
  readonly #lock = new StepLock();

  /**
   * Trains the classifier's parameters in place.
   *
   * @throws {UserError} when a setting is not possible, or the classifier has several outputs
   * @throws {OutOfMemoryError} when the optimizer's moments do not fit
   */
  constructor(
    /** Classifier that is trained. */
    readonly trained: TrainableClassifier,
    input: RewardConfigInput,
  ) {
    const { labels } = trained.model;
    if (labels.length !== 1) {
      throw new UserError(
        `the classifier has ${labels.length} labels, ${labels.join(", ")}: a reward model has one`,
      );
    }
    this.config = resolveRewardConfig(input);
    checkWarmup(this.config);
    const { adamBeta1, adamBeta2, adamEpsilon: eps, weightDecay } = this.config;
    const betas = [adamBeta1, adamBeta2] as const;
    this.optimizer = new Adam(trained.parameters, { betas, eps, weightDecay, decoupled: true });
  }

  /**
   * One optimizer step on pairs, `batchSize` of them at a time.
   *
   * @throws {UserError} when a text is empty or too long, there is no pair, or another step is running
   * @throws {TrainingDivergedError} when the loss or its gradient is not finite: the parameters stay
   *   as they are
   */
  async step(pairs: readonly RewardPair[]): Promise<RewardStats> {
    if (pairs.length === 0) throw new UserError("a step needs at least one pair, got none");
    return await this.#lock.hold(() => this.#step(pairs));
  }

  /**
   * Rewards of pairs as the model is, `batchSize` of them at a time.
   *
   * @throws {UserError} when a text is empty or too long
   */
  async rewards(pairs: readonly RewardPair[]): Promise<PairRewards[]> {
    const { model, adapter } = this.trained;
    const rewards: PairRewards[] = [];
    for (const pass of slices(pairs, this.config.batchSize)) {
      const cx = new Context(model.device);
      try {
        rewards.push(...unpack(await model.logits(cx, textsOf(pass), adapter).read()));
      } finally {
        cx.release();
      }
      await yieldToEventLoop();
    }
    return rewards;
  }

  /** Mean loss of pairs with these rewards, with the step's settings. */
  lossOf(pairs: readonly RewardPair[], rewards: readonly PairRewards[]): number {
    const passes = slices([...pairs.keys()], this.config.batchSize);
    return sum(
      passes.map((pass) =>
        this.#loss(pass.map((i) => pairs[i]), pass.map((i) => rewards[i]), pairs.length).loss
      ),
    );
  }

  /** Parameters that are trained. */
  get parameters(): Parameters {
    return this.trained.parameters;
  }

  /** State to keep, beside the buffers on the device, to go on from here exactly. */
  state(): RewardTrainerState {
    return { step: this.stepsDone, numTokens: this.#numTokens };
  }

  /**
   * Goes on from a state.
   *
   * @throws {UserError} when it is not a state of a reward model's training
   */
  setState(state: unknown): void {
    const { step, numTokens } = parseState(stateSchema, state, "a reward model's training");
    this.stepsDone = step;
    this.#numTokens = numTokens;
  }

  /** Frees the optimizer's moments. */
  dispose(): void {
    this.optimizer.dispose();
  }

  async #step(pairs: readonly RewardPair[]): Promise<RewardStats> {
    const { batchSize, maxGradNorm } = this.config;
    const learningRate = learningRateAt(this.stepsDone, this.config);
    const rewards: PairRewards[] = [];
    let loss = 0;
    this.parameters.zeroGrad();
    for (const pass of slices(pairs, batchSize)) {
      const result = await this.#accumulate(pass, pairs.length);
      loss += result.loss;
      rewards.push(...result.rewards);
      await yieldToEventLoop();
    }
    this.optimizer.step(learningRate, maxGradNorm);
    const [gradNorm] = await this.optimizer.gradNorm.read();
    checkFinite(`step ${this.stepsDone + 1}`, { loss, "gradient's norm": gradNorm });
    this.stepsDone++;
    for (const { chosen, rejected } of pairs) this.#numTokens += chosen.length + rejected.length;
    return {
      pairs: rewards,
      metrics: {
        loss,
        grad_norm: gradNorm,
        learning_rate: learningRate,
        num_tokens: this.#numTokens,
        ...rewardMetrics(rewards),
      },
    };
  }

  /** Adds the gradient of one pass's share of the mean over `count` pairs. */
  async #accumulate(
    pass: readonly RewardPair[],
    count: number,
  ): Promise<{ loss: number; rewards: PairRewards[] }> {
    const { model, adapter } = this.trained;
    const cx = trainingContext(model.device, this.config);
    try {
      const logits = model.logits(cx, textsOf(pass), adapter);
      const rewards = unpack(await logits.read());
      const { loss, gradients } = this.#loss(pass, rewards, count);
      const packed = gradients.flatMap(({ chosen, rejected }) => [chosen, rejected]);
      const gradient = cx.from(Float32Array.from(packed), logits.shape);
      cx.backward([{ output: logits, gradient }]);
      return { loss, rewards };
    } finally {
      cx.release();
    }
  }

  /** One pass's share of the mean loss over `count` pairs. */
  #loss(
    pass: readonly RewardPair[],
    rewards: readonly PairRewards[],
    count: number,
  ): PairsLoss {
    const { compat, centerRewardsCoefficient } = this.config;
    const all = pass.map(({ margin = 0 }) => margin);
    let loss = 0;
    const gradients = rewards.map(({ chosen, rejected }, i) => {
      // TRL 0.19 subtracts margins [pairs] from rewards [pairs, 1].
      const margins = compat === "trl-0.19" ? all : [all[i]];
      const share = 1 / (count * margins.length);
      const gradient = { chosen: 0, rejected: 0 };
      for (const margin of margins) {
        const term = rewardLoss(chosen, rejected, margin, centerRewardsCoefficient ?? 0);
        loss += share * term.loss;
        gradient.chosen += share * term.chosen;
        gradient.rejected += share * term.rejected;
      }
      return gradient;
    });
    return { loss, gradients };
  }
}

/** Metrics of pairs by TRL's names: the share ranked right, and what the rewards are. */
export function rewardMetrics(pairs: readonly PairRewards[]): Record<string, number> {
  const all = pairs.flatMap(({ chosen, rejected }) => [chosen, rejected]);
  return {
    accuracy: mean(pairs.map(({ chosen, rejected }) => Number(chosen > rejected))),
    margin: mean(pairs.map(({ chosen, rejected }) => chosen - rejected)),
    min_reward: all.reduce((a, b) => Math.min(a, b)),
    mean_reward: mean(all),
    max_reward: all.reduce((a, b) => Math.max(a, b)),
  };
}

/** Texts of pairs side by side, so that what both have in common cancels in the gradient's sums. */
function textsOf(pairs: readonly RewardPair[]): (readonly number[])[] {
  return pairs.flatMap(({ chosen, rejected }) => [chosen, rejected]);
}

function unpack(rewards: Float32Array): PairRewards[] {
  return Array.from({ length: rewards.length / 2 }, (_, i) => ({
    chosen: rewards[2 * i],
    rejected: rewards[2 * i + 1],
  }));
}
