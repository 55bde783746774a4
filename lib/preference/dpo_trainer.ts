import { UserError } from "../errors.ts";
import type { AdaptedModel } from "../training/adapter_trainer.ts";
import { mean, sum } from "../training/moments.ts";
import { countedPositions, type TokenRow } from "../training/token_rows.ts";
import { type DPOConfig, type DPOConfigInput, resolveDPOConfig } from "./dpo_config.ts";
import { dpoLoss } from "./dpo_loss.ts";
import type { PairStats, PreferenceStats } from "./pair_stats.ts";
import type { PreferencePair } from "./preference_pair.ts";
import {
  nllOf,
  type PairCounts,
  type PairLossFunction,
  type PairPassLoss,
  type PairRows,
  PreferenceTrainer,
} from "./preference_trainer.ts";

/** Log-probability of each answer of each pair under the reference, in nats, summed over its tokens. */
export interface ReferenceLogps {
  /** Chosen answers. */
  readonly chosen: readonly number[];
  /** Rejected answers. */
  readonly rejected: readonly number[];
}

/**
 * Direct preference optimisation (Rafailov et al. 2023, https://arxiv.org/abs/2305.18290) of a LoRA
 * adapter, as TRL's DPOTrainer computes it.
 */
export class DPOTrainer extends PreferenceTrainer<DPOConfig> {
  /**
   * Trains the adapter in place. A reference "initial" is the adapter as it is now.
   *
   * @throws {UserError} when the settings are not possible
   * @throws {OutOfMemoryError} when the optimizer's moments or the reference do not fit
   */
  constructor(policy: AdaptedModel, input: DPOConfigInput) {
    const config = resolveDPOConfig(input);
    super(policy, config, "DPO", { reference: config.reference });
  }

  /**
   * Log-probabilities of pairs under the reference: computed once, they serve every epoch.
   *
   * @throws {UserError} when a prompt or an answer is empty, or nothing is left of it
   */
  async referenceLogps(pairs: readonly PreferencePair[]): Promise<ReferenceLogps> {
    return await this.#referenceLogps(this.#layOut(pairs));
  }

  /**
   * Loss and rewards of pairs, which are not trained on.
   *
   * @param known log-probabilities under the reference, in the pairs' order; null to compute them
   * @throws {UserError} when a prompt or an answer is empty, nothing is left of it, or `known` is not
   *   of as many pairs
   */
  async evaluate(
    pairs: readonly PreferencePair[],
    known: ReferenceLogps | null = null,
  ): Promise<PreferenceStats> {
    const rows = this.#layOut(pairs);
    return await this.measure(rows, this.#lossOn(rows, await this.#referenceOf(rows, known)));
  }

  /**
   * One optimizer step on pairs, `batchSize` of them at a time.
   *
   * @param known log-probabilities under the reference, in the pairs' order; null to compute them
   * @throws {UserError} when a prompt or an answer is empty, nothing is left of it, `known` is not of
   *   as many pairs, or another step is running
   * @throws {TrainingDivergedError} when the loss or its gradient is not finite
   */
  step(
    pairs: readonly PreferencePair[],
    known: ReferenceLogps | null = null,
  ): Promise<PreferenceStats> {
    return this.exclusively(async () => {
      const rows = this.#layOut(pairs);
      return await this.trainOn(rows, this.#lossOn(rows, await this.#referenceOf(rows, known)));
    });
  }

  /** Loss of pairs with these log-probabilities under the reference. */
  #lossOn(rows: PairRows, reference: ReferenceLogps): PairLossFunction<PairPassLoss> {
    return {
      of: (pass, logprobs, counts) => this.#loss(pass, logprobs, counts, rows, reference),
      metrics: (losses): Record<string, number> =>
        this.config.rpoAlpha === null ? {} : { nll_loss: nllOf(losses) },
    };
  }

  /** Loss of one pass: its first rows are the chosen answers of `pass`, the others the rejected ones. */
  #loss(
    pass: readonly number[],
    logprobs: readonly Float32Array[],
    counts: PairCounts,
    rows: PairRows,
    reference: ReferenceLogps,
  ): PairPassLoss {
    const { beta, rpoAlpha, lossType } = this.config;
    const gradients = logprobs.map(({ length }) => new Float64Array(length));
    let [loss, nll] = [0, 0];
    const pairs = pass.map((pair, i): PairStats => {
      const [chosen, rejected] = [i, pass.length + i];
      const logp = (row: number) => this.#logp(logprobs[row]);
      const ofReference = (name: "chosen" | "rejected") =>
        lossType === "ipo"
          ? reference[name][pair] / countedPositions(rows[name][pair])
          : reference[name][pair];
      const [chosenLogps, rejectedLogps] = [logp(chosen), logp(rejected)];
      const chosenRatio = chosenLogps - ofReference("chosen");
      const rejectedRatio = rejectedLogps - ofReference("rejected");
      const term = dpoLoss(chosenRatio, rejectedRatio, this.config);
      loss += term.loss / counts.pairs;
      for (const [row, slope] of [[chosen, term.chosen], [rejected, term.rejected]]) {
        const share = lossType === "ipo" ? logprobs[row].length : 1;
        gradients[row].fill(slope / share / counts.pairs);
      }
      if (rpoAlpha !== null) {
        nll -= sum(logprobs[chosen]) / counts.chosenTokens;
        gradients[chosen] = gradients[chosen].map((slope) =>
          slope - rpoAlpha / counts.chosenTokens
        );
      }
      return {
        loss: term.loss,
        chosenLogps,
        rejectedLogps,
        chosenReward: beta * chosenRatio,
        rejectedReward: beta * rejectedRatio,
      };
    });
    return { loss: loss + (rpoAlpha ?? 0) * nll, gradients, pairs, nll };
  }

  /** Log-probability of an answer: a sum, or with `ipo` a mean. */
  #logp(logprobs: Float32Array): number {
    return this.config.lossType === "ipo" ? mean(logprobs) : sum(logprobs);
  }

  /** Log-probabilities under the reference: the known ones, or else computed. */
  async #referenceOf(rows: PairRows, known: ReferenceLogps | null): Promise<ReferenceLogps> {
    if (known === null) return await this.#referenceLogps(rows);
    const { chosen, rejected } = known;
    const count = rows.chosen.length;
    if (chosen.length === count && rejected.length === count) return known;
    throw new UserError(
      `\`known\` has log-probabilities of ${chosen.length} chosen and ${rejected.length} rejected ` +
        `answers for ${count} pairs: give one for each, or leave it out to have them computed`,
    );
  }

  async #referenceLogps({ chosen, rejected }: PairRows): Promise<ReferenceLogps> {
    const logps = (await this.logprobs([...chosen, ...rejected], "reference")).map(sum);
    return { chosen: logps.slice(0, chosen.length), rejected: logps.slice(chosen.length) };
  }

  #layOut(pairs: readonly PreferencePair[]): PairRows {
    const rows = this.rowsOf(pairs);
    const { compat } = this.config;
    if (compat === "none" || this.policy.model.taskType !== "SEQ_2_SEQ_LM") return rows;
    const all = [...rows.chosen, ...rows.rejected];
    const longest = Math.max(...all.map(({ targets }) => targets.length));
    const cut = (row: TokenRow) => row.targets.length < longest ? row : withoutLast(row);
    return { chosen: rows.chosen.map(cut), rejected: rows.rejected.map(cut) };
  }
}

function withoutLast({ query, inputs, targets }: TokenRow): TokenRow {
  const kept = targets.slice(0, -1);
  return { query, inputs: inputs.slice(0, -1), targets: kept, counted: [[0, kept.length]] };
}
