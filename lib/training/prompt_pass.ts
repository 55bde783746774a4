import type { PromptMemory } from "../models/language_model.ts";
import { readPrompts } from "../models/shared_prompts.ts";
import type { Parameters } from "../nn/parameters.ts";
import type { Context } from "../tensor/context.ts";
import type { TokenModel } from "./token_model.ts";

/**
 * Prompts that were read with a tape. Generation has to read every prompt; as long as the parameters
 * have not changed, the rows that are trained first go on from there instead of reading them again.
 */
export class PromptPass implements Disposable {
  /** The prompts, in their order. */
  readonly prompts: PromptMemory;
  readonly #revision: number;

  /**
   * Reads prompts.
   *
   * @param cx a context with gradients, which the rest of the forward pass and the backward pass
   *   go on with; it is released with this
   */
  constructor(
    readonly cx: Context,
    { model, adapter }: TokenModel,
    private readonly parameters: Parameters,
    private readonly queries: readonly (readonly number[])[],
  ) {
    this.#revision = parameters.revision;
    try {
      this.prompts = readPrompts(cx, model, queries, adapter, "decoding");
    } catch (error) {
      cx.release();
      throw error;
    }
  }

  /** Tells if these queries, in this order, with the parameters as they are now, would give the same. */
  isOf(queries: readonly (readonly number[])[]): boolean {
    const same = (a: readonly number[], b: readonly number[]) =>
      a.length === b.length && a.every((token, i) => token === b[i]);
    return this.#revision === this.parameters.revision &&
      queries.length === this.queries.length &&
      queries.every((query, i) => same(query, this.queries[i]));
  }

  /** Frees what a pass has not. */
  [Symbol.dispose](): void {
    this.cx.release();
  }
}
