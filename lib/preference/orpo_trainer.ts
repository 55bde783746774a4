import type { AdaptedModel } from "../training/adapter_trainer.ts";
import { mean, sum } from "../training/moments.ts";
import { type ORPOConfig, type ORPOConfigInput, resolveORPOConfig } from "./orpo_config.ts";
import { orpoLoss } from "./orpo_loss.ts";
import type { PairStats, PreferenceStats } from "./pair_stats.ts";
import type { PreferencePair } from "./preference_pair.ts";
import {
  nllOf,
  type PairCounts,
  type PairLossFunction,
  type PairPassLoss,
  PreferenceTrainer,
} from "./preference_trainer.ts";

interface ORPOPassLoss extends PairPassLoss {
  readonly logOddsRatios: readonly number[];
}

/**
 * Odds ratio preference optimisation (Hong et al. 2024, https://arxiv.org/abs/2403.07691) of a LoRA
 * adapter: likelihood of the chosen answers and their odds against the rejected ones, without a
 * reference. The likelihood is that of the answers alone; TRL 0.19 adds the prompt's for decoder-only
 * models.
 */
export class ORPOTrainer extends PreferenceTrainer<ORPOConfig> {
  readonly #lossOn: PairLossFunction<ORPOPassLoss> = {
    of: (_, logprobs, counts) => this.#loss(logprobs, counts),
    metrics: (losses, pairs) => ({
      nll_loss: nllOf(losses),
      log_odds_chosen: mean(losses.flatMap(({ logOddsRatios }) => logOddsRatios)),
      log_odds_ratio: mean(pairs.map(({ loss }) => -loss / this.config.beta)),
    }),
  };

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
  step(pairs: readonly PreferencePair[]): Promise<PreferenceStats> {
    return this.exclusively(() => this.trainOn(this.rowsOf(pairs), this.#lossOn));
  }

  /**
   * Loss and rewards of pairs, which are not trained on.
   *
   * @throws {UserError} when a prompt or an answer is empty, or nothing is left of it
   */
  async evaluate(pairs: readonly PreferencePair[]): Promise<PreferenceStats> {
    return await this.measure(this.rowsOf(pairs), this.#lossOn);
  }

  /** Loss of one pass, the first half of whose rows are chosen answers. */
  #loss(logprobs: readonly Float32Array[], counts: PairCounts): ORPOPassLoss {
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
      nll -= sum(logprobs[chosen]) / counts.chosenTokens;
      loss += term.loss / counts.pairs;
      const perToken = (row: number, slope: number) => slope / logprobs[row].length / counts.pairs;
      gradients[chosen].fill(perToken(chosen, term.chosen) - 1 / counts.chosenTokens);
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
