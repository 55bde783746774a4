import { yieldToEventLoop } from "../event_loop.ts";
import type { Policy } from "../models/policy.ts";
import type { LoraAdapter } from "../nn/lora.ts";
import { Adam } from "../nn/optimizer.ts";
import type { Parameters } from "../nn/parameters.ts";
import { z } from "../packages/zod.ts";
import { Random } from "../random.ts";
import { checkFinite } from "./divergence.ts";
import { sum } from "./moments.ts";
import { frozenCopy } from "./reference.ts";
import type { PromptPass } from "./prompt_pass.ts";
import type { RowLoss } from "./row_loss.ts";
import type { ReadPrompts } from "./read_prompts.ts";
import { forwardBackwardRows, type RowLogprobs } from "./row_pass.ts";
import { checkWarmup, learningRateAt, type LearningRateSchedule } from "./schedules.ts";
import { StepLock } from "./step_lock.ts";
import type { TokenModel } from "./token_model.ts";
import { predict } from "./token_pass.ts";
import type { TokenRow } from "./token_rows.ts";
import { parseState, randomState, type Trainer } from "./trainer.ts";

/** A model with the adapter that is trained. */
export type AdaptedModel = Pick<Policy, "model" | "adapter">;

/** Settings of the optimizer, as in Hugging Face's TrainingArguments. */
export interface AdapterTrainerConfig extends LearningRateSchedule {
  /** Decay rate of AdamW's first moment. */
  readonly adamBeta1: number;
  /** Decay rate of AdamW's second moment. */
  readonly adamBeta2: number;
  /** Term added to AdamW's denominator. */
  readonly adamEpsilon: number;
  /** AdamW's weight decay coefficient. */
  readonly weightDecay: number;
  /** Maximum gradient norm; null for no clipping. */
  readonly maxGradNorm: number | null;
  /** Maximum activation memory of a pass, in MiB; null for no limit. */
  readonly activationMemory: number | null;
  /** Random seed. */
  readonly seed: number;
}

/** Reference that a trainer keeps: a frozen copy of the first adapter, where that is not the base model. */
export interface ReferenceOptions {
  /** Policy that the reference is; null for no reference. */
  readonly reference: "initial" | "base" | null;
  /** Keeps a copy also where the first adapter changes nothing, since the reference will move. */
  readonly moves?: boolean;
}

/** State of a trainer between steps, beside its buffers on the device. */
export interface AdapterTrainerState {
  /** Steps done. */
  step: number;
  /** Tokens of prompts and responses so far. */
  numTokens: number;
  /** State of the generator behind the order of rows. */
  random: number[];
}

const stateSchema: z.ZodType<AdapterTrainerState> = z.object({
  step: z.int().nonnegative(),
  numTokens: z.number().nonnegative(),
  random: randomState,
});

/** Rows of one pass, and the loss on them. */
export interface LossPass<Loss extends RowLoss> {
  /** Rows, in the order of the predictions. */
  readonly rows: readonly TokenRow[];
  /** Computes the pass's part of the loss. */
  lossOf(predictions: RowLogprobs): Loss;
  /** The rows' prompts, if they have been read with a tape already; its memory is released. */
  readonly promptPass?: PromptPass | null;
}

/** Results of one optimizer step. */
export interface OptimizerStep<Loss extends RowLoss> {
  /** Loss of each of its passes, of which it is the sum. */
  readonly losses: readonly Loss[];
  /** Sum of `losses`. */
  readonly loss: number;
  /** Mean entropy over the counted tokens, in nats. */
  readonly entropy: number;
  /** Global norm of the gradient before clipping. */
  readonly gradNorm: number;
  /** Mean logit before each counted token, by pass and row; empty unless asked for. */
  readonly meanLogits: readonly (readonly Float32Array[])[];
}

/**
 * Training of an adapter with AdamW by losses over rows, with a frozen reference or without one: the
 * part that GRPO, RLOO, DPO, ORPO and KTO have in common.
 */
export abstract class AdapterTrainer<Config extends AdapterTrainerConfig> implements Trainer {
  /** Its moments and step count belong to a checkpoint. */
  readonly optimizer: Adam;
  /** Adapter of the reference; null for the base model without an adapter. */
  readonly reference: LoraAdapter | null;
  /** Steps done, which the learning rate follows. */
  stepsDone = 0;
  /** Tokens of prompts and responses so far. */
  protected numTokens = 0;
  /** Generator behind the order of rows. */
  protected readonly random: Random;
  readonly #lock = new StepLock();

  /**
   * Trains the adapter in place.
   *
   * @param algorithm its name, for messages
   * @throws {UserError} when the warm-up does not end within the steps
   * @throws {OutOfMemoryError} when the optimizer's moments or the reference do not fit
   */
  protected constructor(
    readonly policy: AdaptedModel,
    readonly config: Config,
    protected readonly algorithm: string,
    { reference, moves = false }: ReferenceOptions,
  ) {
    checkWarmup(config);
    const { adapter } = policy;
    const isInitial = reference === "initial" && !adapter.changesNothing;
    this.reference = isInitial || moves ? frozenCopy(adapter) : null;
    this.optimizer = new Adam(adapter.parameters, {
      betas: [config.adamBeta1, config.adamBeta2],
      eps: config.adamEpsilon,
      weightDecay: config.weightDecay,
      decoupled: true,
    });
    this.random = new Random(config.seed);
  }

  /** Policy as passes see it. */
  protected subject(adapter: LoraAdapter | null): TokenModel {
    return { model: this.policy.model, adapter };
  }

  /** Predictions of rows by the policy, mean logits among them. */
  protected async predictions(
    rows: readonly TokenRow[],
  ): Promise<{ logprobs: Float32Array[]; meanLogits: Float32Array[] }> {
    const options = { meanLogits: true };
    const predicted = await predict(this.subject(this.policy.adapter), rows, options);
    return {
      logprobs: predicted.map(({ logprobs }) => logprobs),
      meanLogits: predicted.map(({ meanLogits }) => meanLogits!),
    };
  }

  /**
   * Log-probabilities of rows under the policy, or under the reference, in nats.
   *
   * @param prompts prompts that it has read already
   */
  protected async logprobs(
    rows: readonly TokenRow[],
    of: "policy" | "reference",
    prompts: ReadPrompts | null = null,
  ): Promise<Float32Array[]> {
    const adapter = of === "policy" ? this.policy.adapter : this.reference;
    return (await predict(this.subject(adapter), rows, { prompts }))
      .map(({ logprobs }) => logprobs);
  }

  /** Adds the tokens of a step's rows. */
  protected countTokens(rows: readonly TokenRow[]): void {
    this.numTokens += sum(rows.map(({ query, targets }) => query.length + targets.length));
  }

  /** Runs one step; two at a time are refused. */
  protected exclusively<T>(step: () => Promise<T>): Promise<T> {
    return this.#lock.hold(step);
  }

  /**
   * One optimizer step on the sum of its passes' losses.
   *
   * @param asked `meanLogits` asks for these
   * @throws {TrainingDivergedError} when the loss or its gradient is not finite: the parameters stay
   *   as they are
   */
  protected async optimizerStep<Loss extends RowLoss>(
    passes: readonly LossPass<Loss>[],
    asked: { meanLogits?: boolean } = {},
  ): Promise<OptimizerStep<Loss>> {
    const { activationMemory, maxGradNorm } = this.config;
    const { adapter } = this.policy;
    const losses: Loss[] = [];
    const meanLogits: (readonly Float32Array[])[] = [];
    let [entropy, tokens] = [0, 0];
    adapter.parameters.zeroGrad();
    for (const { rows, lossOf, promptPass } of passes) {
      const lossAndEntropy = (predictions: RowLogprobs) => {
        for (const row of predictions.entropy) {
          for (const value of row) entropy += value;
          tokens += row.length;
        }
        if (predictions.meanLogits) meanLogits.push(predictions.meanLogits);
        return lossOf(predictions);
      };
      const subject = this.subject(adapter);
      const options = { activationMemory, promptPass, ...asked };
      losses.push(await forwardBackwardRows(subject, rows, lossAndEntropy, options));
      await yieldToEventLoop();
    }
    this.optimizer.step(learningRateAt(this.stepsDone, this.config), maxGradNorm);
    const [gradNorm] = await this.optimizer.gradNorm.read();
    const loss = sum(losses.map(({ loss }) => loss));
    const step = `${this.algorithm} step ${this.stepsDone + 1}`;
    checkFinite(step, { loss, "gradient's norm": gradNorm });
    return { losses, loss, entropy: entropy / tokens, gradNorm, meanLogits };
  }

  /** Parameters of the adapter. */
  get parameters(): Parameters {
    return this.policy.adapter.parameters;
  }

  /** The reference, where it is an adapter. */
  get frozen(): Record<string, Parameters> {
    return this.reference ? { reference: this.reference.parameters } : {};
  }

  /** State to keep, beside the buffers on the device, to go on from here exactly. */
  state(): AdapterTrainerState {
    return { step: this.stepsDone, numTokens: this.numTokens, random: this.random.state };
  }

  /**
   * Goes on from a state.
   *
   * @throws {UserError} when it is not a state of this algorithm
   */
  setState(state: unknown): void {
    const { step, numTokens, random } = parseState(stateSchema, state, this.algorithm);
    this.stepsDone = step;
    this.numTokens = numTokens;
    this.random.state = random;
  }

  /** Frees the optimizer's moments and the reference. */
  dispose(): void {
    this.optimizer.dispose();
    this.reference?.parameters.dispose();
  }
}
