import { UserError } from "../errors.ts";
import { AdapterTrainer, type AdapterTrainerConfig } from "../training/adapter_trainer.ts";
import type { TokenRow } from "../training/token_rows.ts";
import { answerRow, type PreferencePair, type TruncationOptions } from "./preference_pair.ts";

/** Settings that trainers on pairs read. */
export interface PreferenceTrainerConfig extends AdapterTrainerConfig, TruncationOptions {
  /** Examples per pass. */
  readonly batchSize: number;
}

/** Rows of some pairs: all chosen answers, then all rejected ones. */
export interface PairRows {
  /** Rows of the chosen answers. */
  readonly chosen: readonly TokenRow[];
  /** Rows of the rejected answers. */
  readonly rejected: readonly TokenRow[];
}

/** Common part of trainers on preference pairs: the layout of a pair, whose prompt is read once. */
export abstract class PreferenceTrainer<Config extends PreferenceTrainerConfig>
  extends AdapterTrainer<Config> {
  /**
   * Lays out pairs for passes.
   *
   * @throws {UserError} when there is no pair, a prompt or an answer is empty, or nothing is left of it
   */
  protected rowsOf(pairs: readonly PreferencePair[]): PairRows {
    if (pairs.length === 0) throw new UserError("no pair was given; give at least one");
    const { model } = this.policy;
    const rows = (name: "chosen" | "rejected") =>
      pairs.map((pair, i) =>
        answerRow(model, pair.prompt, pair[name], this.config, `the ${name} answer of pair ${i}`)
      );
    return { chosen: rows("chosen"), rejected: rows("rejected") };
  }
}
