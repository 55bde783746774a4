import type { AdaptedModel } from "../training/adapter_trainer.ts";
import { mean, sum } from "../training/moments.ts";
import type { RowLoss } from "../training/row_loss.ts";
import { learningRateAt } from "../training/schedules.ts";
import { slices } from "../training/slices.ts";
import { countedPositions } from "../training/token_rows.ts";
import { type DPOStats, pairMetrics, type PairStats } from "./dpo_trainer.ts";
import { pairLogitMetrics } from "./logit_metrics.ts";
import { type ORPOConfig, type ORPOConfigInput, resolveORPOConfig } from "./orpo_config.ts";
import { orpoLoss } from "./orpo_loss.ts";
import type { PreferencePair } from "./preference_pair.ts";
import { PreferenceTrainer } from "./preference_trainer.ts";

interface ORPOPassLoss extends RowLoss {
  readonly pairs: readonly PairStats[];
  readonly nll: number;
  readonly logOddsRatios: readonly number[];
}

/**
 * Odds ratio preference optimisation (Hong et al. 2024, https://arxiv.org/abs/2403.07691) of a LoRA
 * adapter: likelihood of the chosen answers and their odds against the rejected ones, without a
 * reference. The likelihood is that of the answers alone; TRL 0.19 adds the prompt's for decoder-only
 * models.
 */
export class ORPOTrainer extends PreferenceTrainer<ORPOConfig> {
  /**
   * Trains the adapter in place.
   *
   * @throws {UserError} when the settings are not possible
   * @throws {OutOfMemoryError} when the optimizer's moments do not fit
   */
  constructor(policy: AdaptedModel, input: ORPOConfigInput) {
    super(policy, resolveORPOConfig(input), "ORPO", { reference: null });
  }

  /**
   * One optimizer step on pairs, `batchSize` of them at a time.
   *
   * @throws {UserError} when a prompt or an answer is empty, nothing is left of it, or another step
   *   is running
   * @throws {TrainingDivergedError} when the loss or its gradient is not finite
   */
  step(pairs: readonly PreferencePair[]): Promise<DPOStats> {
    return this.exclusively(async () => {
      const learningRate = learningRateAt(this.stepsDone, this.config);
      const rows = this.rowsOf(pairs);
      this.countTokens([...rows.chosen, ...rows.rejected]);
      const chosenTokens = sum(rows.chosen.map(countedPositions));
      const passes = slices([...pairs.keys()], this.config.batchSize).map((pass) => ({
        rows: [...pass.map((i) => rows.chosen[i]), ...pass.map((i) => rows.rejected[i])],
        lossOf: ({ logprobs }: { logprobs: readonly Float32Array[] }) =>
          this.#loss(logprobs, pairs.length, chosenTokens),
      }));
      const { losses, loss, gradNorm, entropy, meanLogits } = await this.optimizerStep(passes, {
        meanLogits: true,
      });
      this.stepsDone++;
      const stats = losses.flatMap(({ pairs }) => pairs);
      const logOdds = losses.flatMap(({ logOddsRatios }) => logOddsRatios);
      return {
        pairs: stats,
        metrics: {
          loss,
          grad_norm: gradNorm,
          learning_rate: learningRate,
          num_tokens: this.numTokens,
          ...pairMetrics(stats),
          ...pairLogitMetrics(meanLogits),
          entropy,
          nll_loss: sum(losses.map(({ nll }) => nll)),
          log_odds_chosen: mean(logOdds),
          log_odds_ratio: mean(stats.map(({ loss }) => -loss / this.config.beta)),
        },
      };
    });
  }

  /**
   * Loss and rewards of pairs, which are not trained on.
   *
   * @throws {UserError} when a prompt or an answer is empty, or nothing is left of it
   */
  async evaluate(pairs: readonly PreferencePair[]): Promise<DPOStats> {
    const rows = this.rowsOf(pairs);
    const { logprobs, meanLogits } = await this.predictions([...rows.chosen, ...rows.rejected]);
    const chosenTokens = sum(rows.chosen.map(countedPositions));
    const { loss, nll, pairs: stats, logOddsRatios } = this.#loss(
      logprobs,
      pairs.length,
      chosenTokens,
    );
    return {
      pairs: stats,
      metrics: {
        loss,
        ...pairMetrics(stats),
        ...pairLogitMetrics([meanLogits]),
        nll_loss: nll,
        log_odds_chosen: mean(logOddsRatios),
        log_odds_ratio: mean(stats.map(({ loss }) => -loss / this.config.beta)),
      },
    };
  }

  /** Loss of one pass, the first half of whose rows are chosen answers. */
  #loss(
    logprobs: readonly Float32Array[],
    stepPairs: number,
    chosenTokens: number,
  ): ORPOPassLoss {
    const { beta } = this.config;
    const count = logprobs.length / 2;
    const gradients = logprobs.map(({ length }) => new Float64Array(length));
    const logOddsRatios: number[] = [];
    let [loss, nll] = [0, 0];
    const pairs = Array.from({ length: count }, (_, i): PairStats => {
      const [chosen, rejected] = [i, count + i];
      const [chosenLogps, rejectedLogps] = [mean(logprobs[chosen]), mean(logprobs[rejected])];
      const term = orpoLoss(chosenLogps, rejectedLogps, beta);
      logOddsRatios.push(term.logOddsRatio);
      nll -= sum(logprobs[chosen]) / chosenTokens;
      loss += term.loss / stepPairs;
      const perToken = (row: number, slope: number) => slope / logprobs[row].length / stepPairs;
      gradients[chosen].fill(perToken(chosen, term.chosen) - 1 / chosenTokens);
      gradients[rejected].fill(perToken(rejected, term.rejected));
      return {
        loss: term.loss,
        chosenLogps,
        rejectedLogps,
        chosenReward: beta * chosenLogps,
        rejectedReward: beta * rejectedLogps,
      };
    });
    return { loss: loss + nll, gradients, pairs, nll, logOddsRatios };
  }
}
