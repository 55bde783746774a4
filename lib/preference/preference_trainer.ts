import { UserError } from "../errors.ts";
import {
  AdapterTrainer,
  type AdapterTrainerConfig,
  type LossPass,
} from "../training/adapter_trainer.ts";
import { sum } from "../training/moments.ts";
import type { RowLoss } from "../training/row_loss.ts";
import { learningRateAt } from "../training/schedules.ts";
import { slices } from "../training/slices.ts";
import { countedPositions, type TokenRow } from "../training/token_rows.ts";
import { pairLogitMetrics } from "./logit_metrics.ts";
import { pairMetrics, type PairStats, type PreferenceStats } from "./pair_stats.ts";
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

/** Sizes of a step or an evaluation, over which its means are. */
export interface PairCounts {
  /** Number of pairs. */
  readonly pairs: number;
  /** Tokens of all chosen answers. */
  readonly chosenTokens: number;
}

/** Loss of a pass, with each of its pairs. */
export interface PairPassLoss extends RowLoss {
  /** Each of its pairs. */
  readonly pairs: readonly PairStats[];
  /** Negative log-likelihood of the chosen answers' tokens, the pass's part of the mean; nats. */
  readonly nll: number;
}

/** A loss on pairs, and the metrics that it alone has. */
export interface PairLossFunction<Loss extends PairPassLoss> {
  /**
   * Computes a pass's part of the loss.
   *
   * @param pass numbers of its pairs
   * @param logprobs of their chosen answers, then of their rejected ones
   */
  of(pass: readonly number[], logprobs: readonly Float32Array[], counts: PairCounts): Loss;
  /** Metrics of all passes, by TRL's names. */
  metrics(losses: readonly Loss[], pairs: readonly PairStats[]): Record<string, number>;
}

/**
 * Common part of trainers on preference pairs: the layout of a pair, whose prompt is read once, a step
 * and an evaluation.
 */
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

  /**
   * One optimizer step on pairs, `batchSize` of them at a time.
   *
   * @throws {TrainingDivergedError} when the loss or its gradient is not finite
   */
  protected async trainOn<Loss extends PairPassLoss>(
    rows: PairRows,
    loss: PairLossFunction<Loss>,
  ): Promise<PreferenceStats> {
    const learningRate = learningRateAt(this.stepsDone, this.config);
    this.countTokens([...rows.chosen, ...rows.rejected]);
    const counts = countsOf(rows);
    const passes = slices([...rows.chosen.keys()], this.config.batchSize).map(
      (pass): LossPass<Loss> => ({
        rows: [...pass.map((i) => rows.chosen[i]), ...pass.map((i) => rows.rejected[i])],
        lossOf: ({ logprobs }) => loss.of(pass, logprobs, counts),
      }),
    );
    const step = await this.optimizerStep(passes, { meanLogits: true });
    this.stepsDone++;
    const pairs = step.losses.flatMap(({ pairs }) => pairs);
    return {
      pairs,
      metrics: {
        loss: step.loss,
        grad_norm: step.gradNorm,
        learning_rate: learningRate,
        num_tokens: this.numTokens,
        ...pairMetrics(pairs),
        ...pairLogitMetrics(step.meanLogits),
        entropy: step.entropy,
        ...loss.metrics(step.losses, pairs),
      },
    };
  }

  /** Loss and rewards of pairs, which are not trained on. */
  protected async measure<Loss extends PairPassLoss>(
    rows: PairRows,
    loss: PairLossFunction<Loss>,
  ): Promise<PreferenceStats> {
    const { logprobs, meanLogits } = await this.predictions([...rows.chosen, ...rows.rejected]);
    const whole = loss.of([...rows.chosen.keys()], logprobs, countsOf(rows));
    return {
      pairs: whole.pairs,
      metrics: {
        loss: whole.loss,
        ...pairMetrics(whole.pairs),
        ...pairLogitMetrics([meanLogits]),
        ...loss.metrics([whole], whole.pairs),
      },
    };
  }
}

/** Negative log-likelihood of the chosen answers, from the parts that the passes have in it; nats. */
export function nllOf(losses: readonly PairPassLoss[]): number {
  return sum(losses.map(({ nll }) => nll));
}

function countsOf({ chosen }: PairRows): PairCounts {
  return { pairs: chosen.length, chosenTokens: sum(chosen.map(countedPositions)) };
}
