import { UserError } from "../errors.ts";
import { generate, type GenerationOptions } from "../generation/generate.ts";
import {
  checkGeneration,
  type GenerationConfig,
  promptOfEachResponse,
} from "../generation/generation_config.ts";
import { checkTokens } from "../models/language_model.ts";
import { distinctPrompts } from "../models/shared_prompts.ts";
import type { LoraAdapter } from "../nn/lora.ts";
import { AdapterTrainer, type OptimizerStep } from "../training/adapter_trainer.ts";
import { PromptPass } from "../training/prompt_pass.ts";
import type { RowLoss } from "../training/row_loss.ts";
import type { RowLogprobs } from "../training/row_pass.ts";
import type { TokenModel } from "../training/token_model.ts";
import { trainingContext } from "../training/token_pass.ts";
import { responseRow, type TokenRow } from "../training/token_rows.ts";
import { type GroupConfig, rowsOfUpdate } from "./group_config.ts";
import { checkRevision, generateKeeping, Rollouts, type SampledTokens } from "./rollouts.ts";

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
  /** Latest rollouts, which may hold memory for a step. */
  #latest: Rollouts | null = null;

  /**
   * Lets the policy respond to prompts, `numGenerations` times to each, at `temperature`. Their
   * log-probabilities, which a step takes as the old ones, are those of a pass over them, bit for bit.
   *
   * @param prompts tokens of each prompt
   * @param options `tokenizer`: decoder of the text that `stopStrings` are looked for in
   * @returns rollouts, those of a prompt adjacent
   * @throws {UserError} when a setting or a prompt is impossible
   * @throws {NotFiniteError} when the model's logits are not finite
   */
  async generate(
    prompts: readonly (readonly number[])[],
    generation: Partial<Omit<GenerationConfig, "temperature" | "numReturnSequences">> = {},
    { tokenizer = null }: Pick<GenerationOptions, "tokenizer"> = {},
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
    this.#latest?.release();
    checkGeneration(model, prompts, settings);
    const responses = promptOfEachResponse(prompts, settings);
    const rows = this.#trainedFirst(responses.length);
    const attempt = async (promptPass: PromptPass | null) => {
      const prefilled = promptPass ? [{ rows, memory: promptPass.prompts }] : [];
      const options = { adapter, prefilled, tokenizer, logprobs: true, scaledLogprobs: true };
      const config = { ...settings, numReturnSequences: 1 };
      const generated = await generate(model, responses, config, options);
      return Rollouts.label(generated, revision, promptPass);
    };
    const read = () => this.#readPrompts(rows.map((row) => responses[row]));
    const rollouts = await generateKeeping(rows.length > 0 ? read : null, attempt);
    this.#latest?.release();
    return this.#latest = rollouts;
  }

  /** Rows of a batch that make up the next step's first pass; none where it is no batch. */
  #trainedFirst(count: number): number[] {
    const { batchSize, miniBatchSize, shuffleMinibatches } = this.config;
    if (count !== batchSize) return [];
    const order = [...Array(count).keys()];
    if (shuffleMinibatches && count > miniBatchSize) this.random.copy().shuffle(order);
    return order.slice(0, miniBatchSize);
  }

  /** Reads prompts with a tape, for generation and for the pass that trains on them first. */
  #readPrompts(queries: readonly (readonly number[])[]): PromptPass {
    const { model, adapter } = this.policy;
    const cx = trainingContext(model.device, { activationMemory: this.config.activationMemory });
    return new PromptPass(cx, { model, adapter }, this.parameters, queries);
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
    withReference: boolean,
  ): Promise<GroupBatch> {
    const { model } = this.policy;
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
    const groups = groupsOf(prompts);
    const oldLogprobs = sampled
      ? this.#reported(rows, sampled)
      : await this.logprobs(rows, "policy");
    const refLogprobs = withReference ? await this.logprobs(rows, "reference") : null;
    this.numTokens += rows.reduce((sum, row) => sum + row.query.length + row.targets.length, 0);
    const ended = completions.map((tokens) => model.eosTokenIds.includes(tokens.at(-1)!));
    return { rows, groups, ended, oldLogprobs, refLogprobs };
  }

  /**
   * Trains on a batch, `numIterations` times.
   *
   * @param prepare prepares the loss of a pass
   * @param sampled the rollouts, which may hold the first pass's prompts
   * @throws {TrainingDivergedError} when the loss or its gradient is not finite: that update is not made
   */
  protected async optimize<Loss extends RowLoss>(
    rows: readonly TokenRow[],
    prepare: (pass: UpdatePass) => (predictions: RowLogprobs) => Loss,
    sampled: readonly SampledTokens[] | null,
  ): Promise<OptimizerStep<Loss>[]> {
    using promptPass = sampled instanceof Rollouts ? sampled.take() : null;
    const { numIterations, shuffleMinibatches, miniBatchSize } = this.config;
    const size = rowsOfUpdate(this.config);
    const steps: OptimizerStep<Loss>[] = [];
    for (let iteration = 0; iteration < numIterations; iteration++) {
      const order = [...rows.keys()];
      if (shuffleMinibatches && rows.length > miniBatchSize) this.random.shuffle(order);
      for (const update of slices(order, size)) {
        const passes = slices(update, miniBatchSize);
        const prepared = passes.map((pass, i) => {
          const passRows = pass.map((row) => rows[row]);
          const isFirst = steps.length === 0 && i === 0;
          const isRead = isFirst && promptPass?.isOf(passRows.map(({ query }) => query));
          return {
            rows: passRows,
            lossOf: prepare({ rows: pass, update, passes: passes.length }),
            promptPass: isRead ? promptPass : null,
          };
        });
        steps.push(await this.optimizerStep(prepared));
      }
    }
    this.stepsDone++;
    return steps;
  }

  /** Frees what a step could have gone on from, the optimizer's moments and the reference. */
  override dispose(): void {
    this.#latest?.release();
    super.dispose();
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

/** Rows with equal prompts, in the order of their first rows; groups of one are refused. */
function groupsOf(prompts: readonly (readonly number[])[]): number[][] {
  const { firsts, which } = distinctPrompts(prompts);
  const groups: number[][] = firsts.map(() => []);
  which.forEach((group, row) => groups[group].push(row));
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

function slices<T>(values: readonly T[], size: number): T[][] {
  const count = Math.ceil(values.length / size);
  return Array.from({ length: count }, (_, i) => values.slice(i * size, (i + 1) * size));
}
