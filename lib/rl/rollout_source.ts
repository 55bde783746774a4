import { OutOfMemoryError, UserError } from "../errors.ts";
import { yieldToEventLoop } from "../event_loop.ts";
import { generate, type GenerationOptions } from "../generation/generate.ts";
import {
  checkGeneration,
  type GenerationConfig,
  promptOfEachResponse,
} from "../generation/generation_config.ts";
import type { Parameters } from "../nn/parameters.ts";
import { PromptPass } from "../training/prompt_pass.ts";
import { ReadPrompts } from "../training/read_prompts.ts";
import { StepLock } from "../training/step_lock.ts";
import type { TokenModel } from "../training/token_model.ts";
import { trainingContext } from "../training/token_pass.ts";
import { Rollouts, type SampledTokens } from "./rollouts.ts";

/** Prompts of the next step, read before its responses are there. */
interface ReadAhead {
  /** Those that the policy is trained on first; null for none. */
  policy: PromptPass | null;
  /** All of them, by the reference; null for none. */
  reference: ReadPrompts | null;
}

/**
 * Rollouts of a policy that is trained. Generation has to read every prompt: those of the rows that
 * are trained first are read with a tape, and the next step goes on from there. Where others draw the
 * responses, these prompts and the reference's are read meanwhile.
 */
export class RolloutSource {
  /** The latest rollouts: what they hold for the next step is freed when others come. */
  #latest: Rollouts | null = null;
  #ahead: ReadAhead = { policy: null, reference: null };
  /** Calls of `generate` that have not returned. */
  #generating = 0;
  readonly #lock = new StepLock();

  /**
   * Begins without rollouts.
   *
   * @param policy model and adapter that generate
   * @param parameters those that are trained
   * @param activationMemory MiB of activations kept for the backward pass; null for no limit
   */
  constructor(
    private readonly policy: TokenModel,
    private readonly parameters: Parameters,
    private readonly activationMemory: number | null,
  ) {}

  /**
   * Lets the policy respond. Calls may overlap.
   *
   * @param options results to report
   * @param trainedFirst tells, of a number of rollouts, the rows of the next step's first pass, in
   *   its order; none where it cannot go on from what generation has read
   * @returns `numReturnSequences` rows for each prompt, adjacent
   * @throws {UserError} when a setting or a prompt is impossible, or a step is running
   * @throws {NotFiniteError} when the model's logits are not finite
   */
  async generate(
    prompts: readonly (readonly number[])[],
    generation: GenerationConfig,
    options: Omit<GenerationOptions, "adapter" | "prefilled">,
    trainedFirst: (rollouts: number) => readonly number[],
  ): Promise<Rollouts> {
    if (this.#lock.isHeld) {
      throw new UserError("generate was called while a step is running: await the step first");
    }
    this.release();
    const { model, adapter } = this.policy;
    checkGeneration(model, prompts, generation);
    const queries = promptOfEachResponse(prompts, generation);
    const config = { ...generation, numReturnSequences: 1 };
    const { revision } = this.parameters;
    const rows = trainedFirst(queries.length);
    const attempt = async (promptPass: PromptPass | null): Promise<Rollouts> => {
      try {
        const prefilled = promptPass ? [{ rows, memory: promptPass.prompts }] : [];
        const generated = await generate(model, queries, config, {
          ...options,
          adapter,
          prefilled,
        });
        return Rollouts.label(generated, revision, promptPass);
      } catch (error) {
        promptPass?.[Symbol.dispose]();
        throw error;
      }
    };
    const keeping = async () => await attempt(this.#read(rows.map((row) => queries[row])));
    this.#generating++;
    try {
      const rollouts = rows.length === 0 ? await attempt(null) : await keeping().catch((error) => {
        // Without what is kept for the step there may be room.
        if (error instanceof OutOfMemoryError) return attempt(null);
        throw error;
      });
      this.release();
      return this.#latest = rollouts;
    } finally {
      this.#generating--;
    }
  }

  /**
   * Runs a step while nothing else runs.
   *
   * @throws {UserError} when generation or another step is running
   */
  async exclusively<T>(step: () => Promise<T>): Promise<T> {
    if (this.#generating > 0) {
      throw new UserError("step was called while generate is running: await that first");
    }
    return await this.#lock.hold(step);
  }

  /**
   * Reads prompts for the next step, while others draw the responses to them. Where memory does not
   * suffice, the step reads them itself.
   *
   * @param queries prompt of each response
   * @param trainedFirst rows of the step's first pass, in its order
   * @param reference model that the step compares the policy with; null for none
   * @throws {UserError} when a step is running
   */
  async readAhead(
    queries: readonly (readonly number[])[],
    trainedFirst: readonly number[],
    reference: TokenModel | null,
  ): Promise<void> {
    if (this.#lock.isHeld) {
      throw new UserError("readAhead was called while a step is running: await the step first");
    }
    this.release();
    const ahead: ReadAhead = this.#ahead = { policy: null, reference: null };
    try {
      if (trainedFirst.length > 0) {
        ahead.policy = this.#read(trainedFirst.map((row) => queries[row]));
      }
      // On the WASM device, reading takes this thread's time: heartbeats go out in between.
      await yieldToEventLoop();
      if (reference && this.#ahead === ahead) {
        ahead.reference = new ReadPrompts(reference, queries);
      }
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
    }
  }

  /** Prompts that a step on these rollouts need not read again, if they are those that it trains on first. */
  promptPassOf(sampled: readonly SampledTokens[] | null | undefined): PromptPass | null {
    return (sampled instanceof Rollouts ? sampled.promptPass : null) ?? this.#ahead.policy;
  }

  /** Prompts of the next step that the reference has read; null for none. */
  get referencePrompts(): ReadPrompts | null {
    return this.#ahead.reference;
  }

  /**
   * Lets a step use the prompts that the reference has read, and frees them once it has launched what
   * goes on from them.
   */
  withReferencePrompts<T>(use: (prompts: ReadPrompts | null) => T): T {
    try {
      return use(this.referencePrompts);
    } finally {
      this.#ahead.reference?.[Symbol.dispose]();
      this.#ahead.reference = null;
    }
  }

  /** Frees what is held for a step. */
  release(): void {
    this.#latest?.release();
    this.#latest = null;
    this.#ahead.policy?.[Symbol.dispose]();
    this.#ahead.reference?.[Symbol.dispose]();
    this.#ahead = { policy: null, reference: null };
  }

  /** Reads prompts with a tape, for generation and for the pass that trains on them first. */
  #read(queries: readonly (readonly number[])[]): PromptPass {
    const { policy, parameters, activationMemory } = this;
    const cx = trainingContext(policy.model.device, { activationMemory });
    return new PromptPass(cx, policy, parameters, queries);
  }
}
