import { Adam } from "../nn/optimizer.ts";
import type { Parameters } from "../nn/parameters.ts";
import { z } from "../packages/zod.ts";
import { Random } from "../random.ts";
import { checkFinite } from "../training/divergence.ts";
import { checkWarmup, learningRateAt } from "../training/schedules.ts";
import { slices } from "../training/slices.ts";
import { parseState, randomState, type Trainer } from "../training/trainer.ts";
import { resolveSFTConfig, type SFTConfig, type SFTConfigInput } from "./sft_config.ts";
import type { TokenModel } from "../training/token_model.ts";
import { forwardBackward } from "../training/token_pass.ts";
import { nllLoss } from "./nll_loss.ts";
import { countLabels, type SupervisedExample, supervisedRow } from "./supervised_pass.ts";

/** A model with the parameters to train: an adapter's, or all of its own. */
export interface TrainedModel extends Pick<TokenModel, "model" | "adapter"> {
  /** Parameters that the optimizer changes. */
  readonly parameters: Parameters;
}

/** Results of an optimizer step. */
export interface SFTStats {
  /** Mean of -log p over the labels of the step's examples, in nats, before the step. */
  loss: number;
  /** Global norm of the gradient before clipping. */
  gradNorm: number;
  /** Learning rate of this step. */
  learningRate: number;
  /** Number of labels of the step's examples. */
  labels: number;
}

/**
 * State of a trainer between steps, beside its buffers on the device: the trained parameters and the
 * optimizer's moments.
 */
export interface SFTTrainerState {
  /** Optimizer steps done. */
  step: number;
  /** State of the generator behind dropout. */
  random: number[];
}

const stateSchema: z.ZodType<SFTTrainerState> = z.object({
  step: z.int().nonnegative(),
  random: randomState,
});

/**
 * Supervised fine-tuning with AdamW, of a LoRA adapter or of all weights: teaches a model the answers
 * of examples, as Hugging Face's Seq2SeqTrainer does.
 */
export class SFTTrainer implements Trainer {
  /** Every setting, resolved. */
  readonly config: SFTConfig;
  /** Its moments and step count belong to a checkpoint. */
  readonly optimizer: Adam;
  /** Nothing: there is no reference. */
  readonly frozen: Record<string, Parameters> = {};
  /** Optimizer steps done, which the learning rate follows. */
  stepsDone = 0;
  readonly #random: Random;

  /**
   * Trains the parameters in place.
   *
   * @throws {UserError} when a setting is not possible
   * @throws {OutOfMemoryError} when the optimizer's moments do not fit
   */
  constructor(
    /** Model that is trained. */
    readonly trained: TrainedModel,
    config: SFTConfigInput,
  ) {
    this.config = resolveSFTConfig(config);
    checkWarmup(this.config);
    const { weightDecay, seed } = this.config;
    this.optimizer = new Adam(trained.parameters, { weightDecay, decoupled: true });
    this.#random = new Random(seed);
  }

  /**
   * One optimizer step on the examples, `batchSize` of them at a time. The loss is the mean over all
   * their labels that count, so how they are divided changes nothing but rounding.
   *
   * @throws {TrainingDivergedError} when the loss or its gradient is not finite; nothing is updated then
   */
  async step(examples: readonly SupervisedExample[]): Promise<SFTStats> {
    const { batchSize, maxGradNorm } = this.config;
    const learningRate = learningRateAt(this.stepsDone, this.config);
    const labels = countLabels(examples);
    this.trained.parameters.zeroGrad();
    const losses = slices(examples, batchSize).map((pass) => this.#accumulate(pass, labels));
    this.optimizer.step(learningRate, maxGradNorm);
    const [gradNorm] = await this.optimizer.gradNorm.read();
    const loss = (await Promise.all(losses)).reduce((a, b) => a + b);
    checkFinite(`step ${this.stepsDone + 1}`, { loss, "gradient's norm": gradNorm });
    this.stepsDone++;
    return { loss, gradNorm, learningRate, labels };
  }

  /** Parameters that are trained. */
  get parameters(): Parameters {
    return this.trained.parameters;
  }

  /** State to keep, beside the buffers on the device, to go on from here exactly. */
  state(): SFTTrainerState {
    return { step: this.stepsDone, random: this.#random.state };
  }

  /**
   * Goes on from a state.
   *
   * @throws {UserError} when it is not a state of supervised fine-tuning
   */
  setState(state: unknown): void {
    const { step, random } = parseState(stateSchema, state, "supervised fine-tuning");
    this.stepsDone = step;
    this.#random.state = random;
  }

  /** Frees the optimizer's moments. */
  dispose(): void {
    this.optimizer.dispose();
  }

  /** Adds one pass's share of the gradient of the mean over `labels` labels; returns its share of the loss. */
  async #accumulate(examples: readonly SupervisedExample[], labels: number): Promise<number> {
    const { model, adapter } = this.trained;
    const rows = examples.map((example) => supervisedRow(model, example));
    const share = { tokens: countLabels(examples), of: labels };
    const dropoutSeed = this.config.dropout ? this.#random.uint32() : null;
    const pass = forwardBackward({ model, adapter }, rows, nllLoss, {}, share, { dropoutSeed });
    let loss = 0;
    for (const row of await pass.logprobs) for (const logprob of row) loss -= logprob / labels;
    return loss;
  }
}
