import { OutOfMemoryError, UserError } from "../errors.ts";
import { yieldToEventLoop } from "../event_loop.ts";
import type { GenerationOptions } from "../generation/generate.ts";
import type { GenerationConfig } from "../generation/generation_config.ts";
import { checkTokens } from "../models/language_model.ts";
import { distinctPrompts } from "../models/shared_prompts.ts";
import type { LoraAdapter } from "../nn/lora.ts";
import { AdapterTrainer, type LossPass, type OptimizerStep } from "../training/adapter_trainer.ts";
import type { Random } from "../random.ts";
import { mean } from "../training/moments.ts";
import type { PromptPass } from "../training/prompt_pass.ts";
import type { RowLoss } from "../training/row_loss.ts";
import type { RowLogprobs } from "../training/row_pass.ts";
import { slices } from "../training/slices.ts";
import type { TokenModel } from "../training/token_model.ts";
import { responseRow, type TokenRow } from "../training/token_rows.ts";
import { completionMetrics } from "./completion_metrics.ts";
import { type GroupConfig, rowsOfUpdate } from "./group_config.ts";
import { RolloutSource } from "./rollout_source.ts";
import { checkRevision, type Rollouts, type SampledTokens } from "./rollouts.ts";

/** Responses to prompts, in groups, as the policy and the reference see them. */
export interface GroupBatch {
  /** Rows of the pass. */
  readonly rows: readonly TokenRow[];
  /** Rows of each group. */
  readonly groups: readonly (readonly number[])[];
  /** True for each response that ends with an end token. */
  readonly ended: readonly boolean[];
  /** Log-probabilities under the policy that generated, at the temperature, in nats. */
  readonly oldLogprobs: readonly Float32Array[];
  /** Log-probabilities under the reference; null where none was asked for. */
  readonly refLogprobs: readonly Float32Array[] | null;
  /** Prompts of the rows that are trained first, if generation has read them with a tape. */
  readonly promptPass: PromptPass | null;
}

/** Results of a step, by TRL's names, and the advantage of each rollout. */
export interface GroupStats {
  /** Metrics; those of several optimizer steps are their mean. */
  readonly metrics: Record<string, number>;
  /**
   * Weighted reward of each rollout, with RLOO the KL penalty subtracted; NaN where all its rewards
   * were null.
   */
  readonly rewards: readonly number[];
  /** Advantage of each rollout; 0 where it was left out. */
  readonly advantages: Float64Array;
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
 * log-probabilities, and optimizer steps on them.
 */
export abstract class GroupTrainer<Config extends GroupConfig> extends AdapterTrainer<Config> {
  readonly #rollouts = new RolloutSource(
    this.policy,
    this.parameters,
    this.config.activationMemory,
  );
  /** Rows that were compared with the reference ahead of the next step. */
  #compared: ComparedRows | null = null;

  /**
   * Lets the policy respond to prompts, `numGenerations` times to each, at `temperature`. Their
   * log-probabilities, which a step takes as the old ones, are those of a pass over them, bit for bit.
   *
   * @param prompts tokens of each prompt
   * @param options `tokenizer`: decoder of the text that `stopStrings` are looked for in
   * @returns rollouts, those of a prompt adjacent, with what a step on them can go on from
   * @throws {UserError} when a setting or a prompt is impossible, or a step is running
   * @throws {NotFiniteError} when the model's logits are not finite
   */
  generate(
    prompts: readonly (readonly number[])[],
    generation: Partial<Omit<GenerationConfig, "temperature" | "numReturnSequences">> = {},
    { tokenizer = null }: Pick<GenerationOptions, "tokenizer"> = {},
  ): Promise<Rollouts> {
    const { numGenerations, maxCompletionLength, temperature } = this.config;
    const settings = {
      maxNewTokens: maxCompletionLength,
      doSample: true,
      ...generation,
      temperature,
      numReturnSequences: numGenerations,
    };
    const options = { logprobs: true, scaledLogprobs: true, tokenizer };
    return this.#rollouts.generate(
      prompts,
      settings,
      options,
      (count) => this.#trainedFirst(count),
    );
  }

  /**
   * Reads prompts ahead of a step on responses that are drawn elsewhere, while they are: those of the
   * first pass with the policy, all with the reference. The next step goes on from there, where it would
   * read the same; its results are the same, bit for bit. Until then memory is held as
   * {@linkcode GroupTrainer.generate} holds it.
   *
   * @param prompts tokens of each response's prompt, `batchSize` rows
   * @throws {UserError} when a step is running
   */
  readAhead(prompts: readonly (readonly number[])[]): Promise<void> {
    const reference = this.comparesWithReference ? this.subject(this.reference) : null;
    return this.#rollouts.readAhead(prompts, this.#trainedFirst(prompts.length), reference);
  }

  /**
   * Computes the reference's log-probabilities of responses ahead of a step on them, while rewards that
   * ask a service are awaited: a pass at a time, so that requests go on in between. The next step takes
   * them where it would compute the same; its results are the same, bit for bit. Where there is no
   * reference, or memory does not suffice, nothing is done.
   *
   * @param prompts tokens of each response's prompt, `batchSize` rows
   * @param completions tokens that the policy generated
   * @throws {UserError} as `step` does for such rows, or when generation or a step is running
   */
  async compareAhead(
    prompts: readonly (readonly number[])[],
    completions: readonly (readonly number[])[],
  ): Promise<void> {
    if (!this.comparesWithReference) return;
    const { miniBatchSize, numGenerations } = this.config;
    // A group's prompt is read once.
    const size = Math.max(1, Math.floor(miniBatchSize / numGenerations)) * numGenerations;
    await this.exclusively(async () => {
      const rows = this.#rowsOf(prompts, completions);
      const logprobs: Float32Array[] = [];
      const { referencePrompts } = this.#rollouts;
      try {
        for (const part of slices(rows, size)) {
          logprobs.push(...await this.logprobs(part, "reference", referencePrompts));
          await yieldToEventLoop();
        }
        this.#compared = { rows, logprobs, revision: this.#referenceRevision };
      } catch (error) {
        if (!(error instanceof OutOfMemoryError)) throw error;
      }
    });
  }

  /** True where a step needs the reference's log-probabilities. */
  protected get comparesWithReference(): boolean {
    return this.config.beta !== 0;
  }

  /** Runs one step; two at a time, and generation meanwhile, are refused. */
  protected override exclusively<T>(step: () => Promise<T>): Promise<T> {
    return this.#rollouts.exclusively(step);
  }

  /**
   * Lays out a batch, and computes the log-probabilities that are not known.
   *
   * @throws {UserError} when there is not one response for each prompt, one is empty or has tokens
   *   beyond the vocabulary, a prompt has a single response, or a row of `sampled` was generated
   *   before the last update
   */
  protected async layOut(
    prompts: readonly (readonly number[])[],
    completions: readonly (readonly number[])[],
    sampled: readonly SampledTokens[] | null,
  ): Promise<GroupBatch> {
    const rows = this.#rowsOf(prompts, completions);
    const groups = groupsOf(prompts, this.config.numGenerations);
    const oldLogprobs = sampled
      ? this.#reported(rows, sampled)
      : await this.logprobs(rows, "policy");
    const refLogprobs = this.comparesWithReference ? await this.#refLogprobs(rows) : null;
    this.countTokens(rows);
    const { eosTokenIds } = this.policy.model;
    const ended = completions.map((tokens) => eosTokenIds.includes(tokens.at(-1)!));
    const promptPass = this.#rollouts.promptPassOf(sampled);
    return { rows, groups, ended, oldLogprobs, refLogprobs, promptPass };
  }

  /**
   * Trains on a batch, `numIterations` times.
   *
   * @param prepare prepares the loss of a pass
   * @throws {TrainingDivergedError} when the loss or its gradient is not finite: that update is not made
   */
  protected async optimize<Loss extends RowLoss>(
    { rows, promptPass }: Pick<GroupBatch, "rows" | "promptPass">,
    prepare: (pass: UpdatePass) => (predictions: RowLogprobs) => Loss,
  ): Promise<OptimizerStep<Loss>[]> {
    const { numIterations, miniBatchSize } = this.config;
    const size = rowsOfUpdate(this.config);
    const steps: OptimizerStep<Loss>[] = [];
    for (let iteration = 0; iteration < numIterations; iteration++) {
      for (const update of slices(this.#order(rows.length, this.random), size)) {
        const passes = slices(update, miniBatchSize);
        const lossPasses = passes.map((pass, i): LossPass<Loss> => {
          const chosen = pass.map((row) => rows[row]);
          const isRead = steps.length === 0 && i === 0 &&
            promptPass?.isOf(chosen.map(({ query }) => query));
          return {
            rows: chosen,
            promptPass: isRead ? promptPass : null,
            lossOf: prepare({ rows: pass, update, passes: passes.length }),
          };
        });
        steps.push(await this.optimizerStep(lossPasses));
        this.#rollouts.release();
      }
    }
    this.stepsDone++;
    return steps;
  }

  /** Metrics of a step's updates and completions, before those of rewards. */
  protected updateMetrics(
    updates: readonly OptimizerStep<RowLoss>[],
    { rows, ended }: GroupBatch,
    learningRate: number,
  ): Record<string, number> {
    return {
      loss: mean(updates.map(({ loss }) => loss)),
      grad_norm: mean(updates.map(({ gradNorm }) => gradNorm)),
      learning_rate: learningRate,
      num_tokens: this.numTokens,
      ...completionMetrics(rows.map(({ targets }) => targets.length), ended),
    };
  }

  /** Frees the optimizer's moments, the reference, and what the latest rollouts hold. */
  override dispose(): void {
    this.#rollouts.release();
    super.dispose();
  }

  /** Rows of a step. @throws {UserError} as `layOut` does for them */
  #rowsOf(
    prompts: readonly (readonly number[])[],
    completions: readonly (readonly number[])[],
  ): TokenRow[] {
    const { model } = this.policy;
    const { batchSize } = this.config;
    if (prompts.length !== batchSize || completions.length !== batchSize) {
      throw new UserError(
        `a ${this.algorithm} step was given ${prompts.length} prompts and ${completions.length} ` +
          `completions; expected ${batchSize} of each (\`batchSize\`)`,
      );
    }
    return prompts.map((prompt, i) => {
      for (const [ids, name] of [[prompt, "prompt"], [completions[i], "completion"]] as const) {
        if (ids.length === 0) throw new UserError(`${name} ${i} is empty; give at least one token`);
        checkTokens(model, ids, `${name} ${i}`);
      }
      return responseRow(model, prompt, completions[i]);
    });
  }

  /** Log-probabilities of a step's rows under the reference: computed ahead, or now. */
  async #refLogprobs(rows: readonly TokenRow[]): Promise<Float32Array[]> {
    const compared = this.#compared;
    this.#compared = null;
    const isSame = compared?.revision === this.#referenceRevision &&
      compared?.rows.every((row, i) => isSameRow(row, rows[i]));
    return await this.#rollouts.withReferencePrompts((prompts) =>
      isSame ? compared!.logprobs : this.logprobs(rows, "reference", prompts)
    );
  }

  /** Number of changes of the reference so far; undefined for the base model. */
  get #referenceRevision(): number | undefined {
    return this.reference?.parameters.revision;
  }

  /** Order in which rows are trained. */
  #order(count: number, random: Random): number[] {
    const { shuffleMinibatches, miniBatchSize } = this.config;
    const order = [...Array(count).keys()];
    return shuffleMinibatches && count > miniBatchSize ? random.shuffle(order) : order;
  }

  /** Rows of a batch that make up the next step's first pass. */
  #trainedFirst(count: number): number[] {
    const { batchSize, miniBatchSize } = this.config;
    if (count !== batchSize) return [];
    return this.#order(count, this.random.copy()).slice(0, miniBatchSize);
  }

  /** Policy as passes see it, at the temperature. */
  protected override subject(adapter: LoraAdapter | null): TokenModel {
    return { model: this.policy.model, adapter, temperature: this.config.temperature };
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

/** Rows, and their log-probabilities under the reference. */
interface ComparedRows {
  readonly rows: readonly TokenRow[];
  readonly logprobs: Float32Array[];
  /** Revision of the reference. */
  readonly revision: number | undefined;
}

function isSameRow(a: TokenRow, b: TokenRow): boolean {
  return a.query.join() === b.query.join() && a.targets.join() === b.targets.join();
}

/**
 * Rows with equal prompts, in the order of their first rows; groups of one are refused. Two examples of a
 * batch may have the same prompt and different answers, which a reward goes by: their rows, a multiple of
 * `size`, are groups of their own, as in TRL.
 */
function groupsOf(prompts: readonly (readonly number[])[], size: number): number[][] {
  const { firsts, which } = distinctPrompts(prompts);
  const alike: number[][] = firsts.map(() => []);
  which.forEach((prompt, row) => alike[prompt].push(row));
  const groups = alike.flatMap((rows) => rows.length % size === 0 ? slices(rows, size) : [rows]);
  const single = groups.find((group) => group.length === 1);
  if (single) {
    throw new UserError(
      `prompt ${
        single[0]
      } has a single completion: an advantage is relative to others of the same ` +
        "prompt, give at least two",
    );
  }
  return groups;
}
