import { distinctPrompts } from "../models/shared_prompts.ts";
import type { PromptMemory } from "../models/language_model.ts";
import { Context } from "../tensor/context.ts";
import type { TokenModel } from "./token_model.ts";

/**
 * Prompts that were read without a tape, ahead of what continues them: passes over rows of any of
 * them, in any order, give what they would give after reading the prompts themselves, bit for bit.
 */
export class ReadPrompts implements Disposable {
  readonly #cx: Context;
  readonly #memory: PromptMemory;
  /** Place of each prompt in the memory, by its tokens. */
  readonly #places: ReadonlyMap<string, number>;
  readonly #revision: number | undefined;

  /** Reads prompts, equal ones once. */
  constructor(private readonly subject: TokenModel, queries: readonly (readonly number[])[]) {
    const { model, adapter } = subject;
    const distinct = distinctPrompts(queries).firsts.map((row) => queries[row]);
    this.#places = new Map(distinct.map((query, place) => [query.join(), place]));
    this.#revision = adapter?.parameters.revision;
    this.#cx = new Context(model.device);
    try {
      this.#memory = model.prefill(this.#cx, distinct, adapter, "decoding");
    } catch (error) {
      this.#cx.release();
      throw error;
    }
  }

  /** Memory of some prompts; null if one was not read, or the adapter has changed since. */
  of(queries: readonly (readonly number[])[]): PromptMemory | null {
    const { model, adapter } = this.subject;
    if (adapter?.parameters.revision !== this.#revision) return null;
    const places = queries.map((query) => this.#places.get(query.join()));
    if (places.includes(undefined)) return null;
    return model.selectPrompts(this.#memory, places as number[]);
  }

  /** Frees the memory. */
  [Symbol.dispose](): void {
    this.#cx.release();
  }
}
