import type { PromptMemory } from "../models/language_model.ts";
import type { Policy } from "../models/policy.ts";
import type { Context } from "../tensor/context.ts";

/**
 * The encoder's half of a minibatch's forward pass, with its tape. Generation has to encode every
 * query; as long as the weights have not changed, the minibatch that is trained first need not be
 * encoded again.
 */
export class EncoderPass {
  /** The queries, in their order. */
  readonly memory: PromptMemory;
  readonly #revision: number;

  /**
   * Encodes the queries of a minibatch.
   *
   * @param cx a context with gradients, which the rest of the forward pass and the backward pass
   *   go on with; it is released with this
   */
  constructor(
    readonly cx: Context,
    private readonly policy: Policy,
    private readonly queries: readonly (readonly number[])[],
  ) {
    this.#revision = policy.parameters.revision;
    try {
      this.memory = policy.model.prefill(cx, queries, policy.adapter, "decoding");
    } catch (error) {
      cx.release();
      throw error;
    }
  }

  /** Whether these queries, in this order, with the weights as they are now, would give the same. */
  isOf(queries: readonly (readonly number[])[]): boolean {
    const same = (a: readonly number[], b: readonly number[]) =>
      a.length === b.length && a.every((token, i) => token === b[i]);
    return this.#revision === this.policy.parameters.revision &&
      queries.length === this.queries.length &&
      queries.every((query, i) => same(query, this.queries[i]));
  }

  /** Frees what a pass has not. */
  release(): void {
    this.cx.release();
  }
}
