import { TrainingDivergedError, UserError } from "../errors.ts";
import { yieldToEventLoop } from "../event_loop.ts";
import { generate } from "../generation/generate.ts";
import type { GenerationConfig } from "../generation/generation_config.ts";
import type { Policy } from "../models/policy.ts";
import { checkTokens } from "../models/language_model.ts";
import { distinctPrompts } from "../models/shared_prompts.ts";
import type { LoraAdapter } from "../nn/lora.ts";
import { Adam } from "../nn/optimizer.ts";
import type { Parameters } from "../nn/parameters.ts";
import { z } from "../packages/zod.ts";
import { Random } from "../random.ts";
import { frozenCopy } from "../training/reference.ts";
import type { RowLoss } from "../training/row_loss.ts";
import { forwardBackwardRows, type RowLogprobs } from "../training/row_pass.ts";
import { learningRateAt } from "../training/schedules.ts";
import type { TokenModel } from "../training/token_model.ts";
import { predict } from "../training/token_pass.ts";
import { responseRow, type TokenRow } from "../training/token_rows.ts";
import { parseState, randomState, type Trainer } from "../training/trainer.ts";
import { type GroupConfig, rowsOfUpdate } from "./group_config.ts";
import { checkRevision, Rollouts, type SampledTokens } from "./rollouts.ts";

/** A model with the adapter that is trained. */
export type AdaptedModel = Pick<Policy, "model" | "adapter">;

/** State of a trainer between steps, beside its buffers on the device. */
export interface GroupTrainerState {
  /** Steps done. */
  step: number;
  /** Tokens of prompts and completions so far. */
  numTokens: number;
  /** State of the generator behind the order of minibatches. */
  random: number[];
}

const stateSchema: z.ZodType<GroupTrainerState> = z.object({
  step: z.int().nonnegative(),
  numTokens: z.number().nonnegative(),
  random: randomState,
});

/** Responses to prompts, in groups, as the policy and the reference see them. */
export interface GroupBatch {
  /** Rows of the pass. */
  readonly rows: readonly TokenRow[];
  /** Rows of each group, those with equal prompts. */
  readonly groups: readonly (readonly number[])[];
  /** True for each response that ends with an end token. */
  readonly ended: readonly boolean[];
  /** Log-probabilities under the policy that generated, at the temperature, in nats. */
  readonly oldLogprobs: readonly Float32Array[];
  /** Log-probabilities under the reference; null where none was asked for. */
  readonly refLogprobs: readonly Float32Array[] | null;
}

/** Results of one optimizer step. */
export interface GroupUpdate<Loss> {
  /** Loss of each of its passes. */
  readonly losses: readonly Loss[];
  /** Mean entropy over its counted tokens, in nats. */
  readonly entropy: number;
  /** Global norm of the gradient before clipping. */
  readonly gradNorm: number;
}

/** Rows of one pass of an optimizer step. */
export interface UpdatePass {
  /** Indices into the batch. */
  readonly rows: readonly number[];
  /** All rows of the optimizer step. */
  readonly update: readonly number[];
  /** Number of its passes. */
  readonly passes: number;
}

/**
 * Loop that algorithms on groups of responses share: several responses to each prompt, their
 * log-probabilities, and optimizer steps on them, with AdamW on an adapter.
 */
export abstract class GroupTrainer<Config extends GroupConfig = GroupConfig> implements Trainer {
  /** Its moments and step count belong to a checkpoint. */
  readonly optimizer: Adam;
  /** Adapter that the KL is measured from; null for the base model without an adapter. */
  readonly reference: LoraAdapter | null;
  /** Steps done, which the learning rate follows. */
  stepsDone = 0;
  /** Tokens of prompts and completions so far. */
  protected numTokens = 0;
  readonly #random: Random;
  #isBusy = false;

  /**
   * Trains the adapter in place.
   *
   * @param algorithm its name, for messages
   * @param needsCopy true where the reference will differ from the first adapter even if that changes nothing
   * @throws {OutOfMemoryError} when the optimizer's moments or the reference do not fit
   */
  protected constructor(
    readonly policy: AdaptedModel,
    readonly config: Config,
    private readonly algorithm: string,
    usesReference: boolean,
    needsCopy: boolean,
  ) {
    const { adapter } = policy;
    const isInitial = usesReference && config.reference === "initial";
    this.reference = (isInitial && !adapter.changesNothing) || needsCopy
      ? frozenCopy(adapter)
      : null;
    this.optimizer = new Adam(adapter.parameters, {
      betas: [config.adamBeta1, config.adamBeta2],
      eps: config.adamEpsilon,
      weightDecay: config.weightDecay,
      decoupled: true,
    });
    this.#random = new Random(config.seed);
  }

  /**
   * Lets the policy respond to prompts, `numGenerations` times to each, at `temperature`. Their
   * log-probabilities, which a step takes as the old ones, are those of a pass over them, bit for bit.
   *
   * @param prompts tokens of each prompt
   * @returns rollouts, those of a prompt adjacent
   * @throws {UserError} when a setting or a prompt is impossible
   * @throws {NotFiniteError} when the model's logits are not finite
   */
  async generate(
    prompts: readonly (readonly number[])[],
    generation: Partial<Omit<GenerationConfig, "temperature" | "numReturnSequences">> = {},
  ): Promise<Rollouts> {
    const { model, adapter } = this.policy;
    const { numGenerations, maxCompletionLength, temperature } = this.config;
    const { revision } = adapter.parameters;
    const settings = {
      maxNewTokens: maxCompletionLength,
      doSample: true,
      ...generation,
      temperature,
      numReturnSequences: numGenerations,
    };
    const options = { adapter, logprobs: true, scaledLogprobs: true };
    return Rollouts.label(await generate(model, prompts, settings, options), revision, null);
  }

  /** Runs one step; two at a time are refused. */
  protected async exclusively<T>(step: () => Promise<T>): Promise<T> {
    if (this.#isBusy) {
      throw new UserError("step was called while another step is running: await that first");
    }
    this.#isBusy = true;
    try {
      return await step();
    } finally {
      this.#isBusy = false;
    }
  }

  /**
   * Lays out a batch, and has the policies' log-probabilities computed that are not known.
   *
   * @throws {UserError} when there is not one response for each prompt, one is empty or has tokens
   *   beyond the vocabulary, or a row of `sampled` was generated before the last update
   */
  protected async layOut(
    prompts: readonly (readonly number[])[],
    completions: readonly (readonly number[])[],
    sampled: readonly SampledTokens[] | null,
    withReference: boolean,
  ): Promise<GroupBatch> {
    const { model, adapter } = this.policy;
    const { batchSize } = this.config;
    if (prompts.length !== batchSize || completions.length !== batchSize) {
      throw new UserError(
        `a ${this.algorithm} step was given ${prompts.length} prompts and ${completions.length} ` +
          `completions; expected ${batchSize} of each (\`batchSize\`)`,
      );
    }
    const rows = prompts.map((prompt, i) => {
      for (const [ids, name] of [[prompt, "prompt"], [completions[i], "completion"]] as const) {
        if (ids.length === 0) throw new UserError(`${name} ${i} is empty; give at least one token`);
        checkTokens(model, ids, `${name} ${i}`);
      }
      return responseRow(model, prompt, completions[i]);
    });
    const [oldLogprobs, refLogprobs] = [
      sampled ? this.#reported(rows, sampled) : await this.#predict(rows, adapter),
      withReference ? await this.#predict(rows, this.reference) : null,
    ];
    this.numTokens += rows.reduce((sum, row) => sum + row.query.length + row.targets.length, 0);
    return {
      rows,
      groups: groupsOf(prompts),
      ended: completions.map((tokens) => model.eosTokenIds.includes(tokens.at(-1)!)),
      oldLogprobs,
      refLogprobs,
    };
  }

  /**
   * Trains on a batch, `numIterations` times.
   *
   * @param prepare prepares the loss of a pass
   * @throws {TrainingDivergedError} when the loss or its gradient is not finite: no update is made then
   */
  protected async optimize<Loss extends RowLoss>(
    rows: readonly TokenRow[],
    prepare: (pass: UpdatePass) => (predictions: RowLogprobs) => Loss,
  ): Promise<GroupUpdate<Loss>[]> {
    const { numIterations, shuffleMinibatches, miniBatchSize } = this.config;
    const size = rowsOfUpdate(this.config);
    const updates: GroupUpdate<Loss>[] = [];
    for (let iteration = 0; iteration < numIterations; iteration++) {
      const order = [...rows.keys()];
      if (shuffleMinibatches && rows.length > miniBatchSize) this.#random.shuffle(order);
      for (let first = 0; first < order.length; first += size) {
        updates.push(await this.#update(rows, order.slice(first, first + size), prepare));
      }
    }
    this.stepsDone++;
    return updates;
  }

  /** One optimizer step. */
  async #update<Loss extends RowLoss>(
    rows: readonly TokenRow[],
    update: readonly number[],
    prepare: (pass: UpdatePass) => (predictions: RowLogprobs) => Loss,
  ): Promise<GroupUpdate<Loss>> {
    const { miniBatchSize, activationMemory, maxGradNorm } = this.config;
    const { adapter } = this.policy;
    const losses: Loss[] = [];
    const passes = Math.ceil(update.length / miniBatchSize);
    let [entropy, tokens] = [0, 0];
    adapter.parameters.zeroGrad();
    for (let first = 0; first < update.length; first += miniBatchSize) {
      const pass = update.slice(first, first + miniBatchSize);
      const lossOf = prepare({ rows: pass, update, passes });
      const chosen = pass.map((row) => rows[row]);
      losses.push(
        await forwardBackwardRows(this.#subject(adapter), chosen, (predictions) => {
          for (const row of predictions.entropy) {
            for (const value of row) entropy += value;
            tokens += row.length;
          }
          return lossOf(predictions);
        }, { activationMemory }),
      );
      await yieldToEventLoop();
    }
    this.optimizer.step(learningRateAt(this.stepsDone, this.config), maxGradNorm);
    const [gradNorm] = await this.optimizer.gradNorm.read();
    const loss = losses.reduce((sum, { loss }) => sum + loss, 0);
    for (const [name, value] of Object.entries({ loss, "gradient's norm": gradNorm })) {
      if (Number.isFinite(value)) continue;
      throw new TrainingDivergedError(
        `training diverged in ${this.algorithm} step ${this.stepsDone + 1}: the ${name} is ` +
          `${value}; the parameters are those of the last finite update; try a lower ` +
          "`learningRate` or a `maxGradNorm`",
      );
    }
    return { losses, entropy: entropy / tokens, gradNorm };
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
  state(): GroupTrainerState {
    return { step: this.stepsDone, numTokens: this.numTokens, random: this.#random.state };
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
    this.#random.state = random;
  }

  /** Frees the optimizer's moments and the reference. */
  dispose(): void {
    this.optimizer.dispose();
    this.reference?.parameters.dispose();
  }

  #subject(adapter: LoraAdapter | null): TokenModel {
    return { model: this.policy.model, adapter, temperature: this.config.temperature };
  }

  async #predict(rows: readonly TokenRow[], adapter: LoraAdapter | null): Promise<Float32Array[]> {
    return (await predict(this.#subject(adapter), rows)).map(({ logprobs }) => logprobs);
  }

  /** Log-probabilities as generation reported them. */
  #reported(rows: readonly TokenRow[], sampled: readonly SampledTokens[]): Float32Array[] {
    return rows.map(({ targets }, row) => {
      const { logprobs = null, revision } = sampled[row] ?? {};
      checkRevision(row, revision, this.parameters.revision);
      if (logprobs?.length === targets.length) return Float32Array.from(logprobs);
      throw new UserError(
        `completion ${row} has ${targets.length} tokens, but ${
          logprobs?.length ?? "no"
        } logprobs; ` +
          "take both from generate, or leave sampled out to have them computed",
      );
    });
  }
}

/** Rows with equal prompts, in the order of their first rows. */
function groupsOf(prompts: readonly (readonly number[])[]): number[][] {
  const { firsts, which } = distinctPrompts(prompts);
  const groups: number[][] = firsts.map(() => []);
  which.forEach((group, row) => groups[group].push(row));
  return groups;
}
