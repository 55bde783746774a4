import { OutOfMemoryError, UserError } from "../errors.ts";
import { generate, type GenerationOptions } from "../generation/generate.ts";
import {
  checkGeneration,
  type GenerationConfig,
  promptOfEachResponse,
} from "../generation/generation_config.ts";
import type { Parameters } from "../nn/parameters.ts";
import { PromptPass } from "../training/prompt_pass.ts";
import { StepLock } from "../training/step_lock.ts";
import type { TokenModel } from "../training/token_model.ts";
import { trainingContext } from "../training/token_pass.ts";
import { Rollouts } from "./rollouts.ts";

/**
 * Rollouts of a policy that is trained. Generation has to read every prompt: those of the rows that
 * are trained first are read with a tape, and the next step goes on from there.
 */
export class RolloutSource {
  /** The latest rollouts: what they hold for the next step is freed when others come. */
  #latest: Rollouts | null = null;
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

  /** Frees what the latest rollouts hold for a step. */
  release(): void {
    this.#latest?.release();
    this.#latest = null;
  }

  /** Reads prompts with a tape, for generation and for the pass that trains on them first. */
  #read(queries: readonly (readonly number[])[]): PromptPass {
    const { policy, parameters, activationMemory } = this;
    const cx = trainingContext(policy.model.device, { activationMemory });
    return new PromptPass(cx, policy, parameters, queries);
  }
}
