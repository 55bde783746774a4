import { UserError } from "../errors.ts";
import { type AdaptedModel, AdapterTrainer } from "../training/adapter_trainer.ts";
import { mean, sum } from "../training/moments.ts";
import type { RowLoss } from "../training/row_loss.ts";
import { learningRateAt } from "../training/schedules.ts";
import { slices } from "../training/slices.ts";
import type { TokenRow } from "../training/token_rows.ts";
import { type KTOConfig, type KTOConfigInput, resolveKTOConfig } from "./kto_config.ts";
import { ktoLoss } from "./kto_loss.ts";
import { logitMetrics } from "./logit_metrics.ts";
import { answerRow } from "./preference_pair.ts";

/** An answer to a prompt, as tokens, that was liked or not. */
export interface LabelledAnswer {
  /** Tokens of the prompt. */
  readonly prompt: readonly number[];
  /** Tokens of the answer, with the end token. */
  readonly completion: readonly number[];
  /** True for a desirable answer. */
  readonly label: boolean;
}

/** Results of a step. */
export interface KTOStats {
  /** Metrics by TRL's names. */
  readonly metrics: Record<string, number>;
  /** Reward that KTO implies of each answer: `beta` times its log-ratio to the reference. */
  readonly rewards: readonly number[];
}

interface KTOPassLoss extends RowLoss {
  readonly logps: readonly number[];
  readonly rewards: readonly number[];
}

/**
 * Kahneman-Tversky optimisation (Ethayarajh et al. 2024, https://arxiv.org/abs/2402.01306) of a LoRA
 * adapter on answers that were liked or not, as TRL's KTOTrainer computes it: the KL is estimated on
 * each prompt with the answer of the row before it.
 */
export class KTOTrainer extends AdapterTrainer<KTOConfig> {
  /**
   * Trains the adapter in place. A reference "initial" is the adapter as it is now.
   *
   * @throws {UserError} when the settings are not possible
   * @throws {OutOfMemoryError} when the optimizer's moments or the reference do not fit
   */
  constructor(policy: AdaptedModel, input: KTOConfigInput) {
    const config = resolveKTOConfig(input);
    super(policy, config, "KTO", { reference: config.reference });
  }

  /**
   * One optimizer step on answers, `batchSize` of them at a time.
   *
   * @throws {UserError} when a prompt or an answer is empty, nothing is left of it, there is one row
   *   alone in a pass that needs a KL, or another step is running
   * @throws {TrainingDivergedError} when the loss or its gradient is not finite
   */
  step(examples: readonly LabelledAnswer[]): Promise<KTOStats> {
    return this.exclusively(async () => {
      const { batchSize, beta } = this.config;
      const learningRate = learningRateAt(this.stepsDone, this.config);
      const rows = this.#rows(examples);
      this.countTokens(rows);
      const reference = (await this.logprobs(rows, "reference")).map(sum);
      const passes: { rows: TokenRow[]; lossOf: PassLoss }[] = [];
      const kls: number[] = [];
      for (const pass of slices([...rows.keys()], batchSize)) {
        const kl = await this.#kl(pass.map((i) => examples[i]));
        kls.push(kl);
        passes.push({
          rows: pass.map((i) => rows[i]),
          lossOf: ({ logprobs }) => this.#loss(pass, examples, logprobs, reference, kl),
        });
      }
      const { losses, loss, gradNorm, entropy, meanLogits } = await this.optimizerStep(passes, {
        meanLogits: true,
      });
      this.stepsDone++;
      const rewards = losses.flatMap(({ rewards }) => rewards);
      const logps = losses.flatMap(({ logps }) => logps);
      return {
        rewards,
        metrics: {
          loss,
          grad_norm: gradNorm,
          learning_rate: learningRate,
          num_tokens: this.numTokens,
          ...answerMetrics(examples, { rewards, logps, meanLogits: meanLogits.flat() }),
          kl: mean(kls),
          entropy,
          "objective/beta": beta,
        },
      };
    });
  }

  /**
   * Loss and rewards of answers, which are not trained on; their KL is estimated on all of them.
   *
   * @throws {UserError} when a prompt or an answer is empty, nothing is left of it, or there is one
   *   alone and the loss needs a KL
   */
  async evaluate(examples: readonly LabelledAnswer[]): Promise<KTOStats> {
    const rows = this.#rows(examples);
    const reference = (await this.logprobs(rows, "reference")).map(sum);
    const kl = await this.#kl(examples);
    const { logprobs, meanLogits } = await this.predictions(rows);
    const { loss, rewards, logps } = this.#loss(
      [...examples.keys()],
      examples,
      logprobs,
      reference,
      kl,
    );
    const answers = answerMetrics(examples, { rewards, logps, meanLogits });
    return { rewards, metrics: { loss, ...answers, kl } };
  }

  /** KL from the reference on mismatched answers, at least 0. */
  async #kl(examples: readonly LabelledAnswer[]): Promise<number> {
    if (this.config.lossType === "apo_zero_unpaired") return 0;
    if (examples.length < 2) {
      throw new UserError(
        "a pass of KTO has a single answer: its KL is estimated with the answers of other rows; " +
          "give two or more, or the loss apo_zero_unpaired",
      );
    }
    const rows = examples.map(({ prompt }, i) => {
      const other = examples[(i + examples.length - 1) % examples.length];
      return this.#row(prompt, other.completion, `the answer ${i}`);
    });
    const [policy, reference] = [
      await this.logprobs(rows, "policy"),
      await this.logprobs(rows, "reference"),
    ];
    return Math.max(0, mean(policy.map((logprobs, i) => sum(logprobs) - sum(reference[i]))));
  }

  #loss(
    pass: readonly number[],
    examples: readonly LabelledAnswer[],
    logprobs: readonly Float32Array[],
    reference: readonly number[],
    kl: number,
  ): KTOPassLoss {
    const { beta } = this.config;
    const logps = logprobs.map(sum);
    const ratios = pass.map((i, row) => logps[row] - reference[i]);
    const terms = pass.map((i, row) => ktoLoss(ratios[row], examples[i].label, kl, this.config));
    return {
      loss: sum(terms.map(({ loss }) => loss)) / examples.length,
      gradients: terms.map(({ slope }, row) =>
        new Float64Array(logprobs[row].length).fill(slope / examples.length)
      ),
      logps,
      rewards: ratios.map((ratio) => beta * ratio),
    };
  }

  #rows(examples: readonly LabelledAnswer[]): TokenRow[] {
    if (examples.length === 0) throw new UserError("no answer was given; give at least one");
    return examples.map(({ prompt, completion }, i) =>
      this.#row(prompt, completion, `the answer ${i}`)
    );
  }

  #row(prompt: readonly number[], completion: readonly number[], what: string): TokenRow {
    return answerRow(this.policy.model, prompt, completion, this.config, what);
  }
}

/** Metrics of answers by their labels, by TRL's names; 0 where no answer has a label. */
function answerMetrics(
  examples: readonly LabelledAnswer[],
  { rewards, logps, meanLogits }: {
    rewards: readonly number[];
    logps: readonly number[];
    meanLogits: readonly Float32Array[];
  },
): Record<string, number> {
  const labelled = <T>(values: readonly T[], label: boolean) =>
    values.filter((_, i) => examples[i].label === label);
  const of = (values: readonly number[], label: boolean) => {
    const chosen = labelled(values, label);
    return chosen.length > 0 ? mean(chosen) : 0;
  };
  return {
    "rewards/chosen": of(rewards, true),
    "rewards/rejected": of(rewards, false),
    "rewards/margins": of(rewards, true) - of(rewards, false),
    "logps/chosen": of(logps, true),
    "logps/rejected": of(logps, false),
    ...logitMetrics(labelled(meanLogits, true), labelled(meanLogits, false)),
  };
}

type PassLoss = (predictions: { logprobs: readonly Float32Array[] }) => KTOPassLoss;
