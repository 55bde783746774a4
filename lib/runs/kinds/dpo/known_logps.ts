import type { PairTokens } from "../../../data/preference_pairs.ts";
import { yieldToEventLoop } from "../../../event_loop.ts";
import type { DPOTrainer, ReferenceLogps } from "../../../preference/dpo_trainer.ts";
import type { LessonRows } from "../preference/learner.ts";

/** Pairs whose log-probabilities are computed at a time. */
const PAIRS = 32;

/**
 * Log-probabilities of all pairs under the reference, which are computed when the first are asked for:
 * a run that is resumed has its reference by then. They do not depend on the batch, so a step with
 * them is the same as one without, bit for bit.
 */
export class KnownLogps {
  #all: Promise<ReferenceLogps> | null = null;

  constructor(
    private readonly trainer: Pick<DPOTrainer, "referenceLogps">,
    private readonly pairs: Pick<LessonRows<PairTokens>, "length" | "tokens">,
  ) {}

  /** Returns those of some pairs, in their order. */
  async of(rows: readonly number[]): Promise<ReferenceLogps> {
    const { chosen, rejected } = await (this.#all ??= this.#compute());
    return { chosen: rows.map((row) => chosen[row]), rejected: rows.map((row) => rejected[row]) };
  }

  async #compute(): Promise<ReferenceLogps> {
    const [chosen, rejected]: number[][] = [[], []];
    for (let first = 0; first < this.pairs.length; first += PAIRS) {
      const count = Math.min(PAIRS, this.pairs.length - first);
      const pairs = Array.from({ length: count }, (_, i) => this.pairs.tokens(first + i));
      const logps = await this.trainer.referenceLogps(pairs);
      chosen.push(...logps.chosen);
      rejected.push(...logps.rejected);
      await yieldToEventLoop();
    }
    return { chosen, rejected };
  }
}
