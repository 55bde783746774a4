import { tokenPass, trainingContext, type TrainingPassOptions } from "./token_pass.ts";
import type { RowLoss } from "./row_loss.ts";
import type { TokenModel } from "./token_model.ts";
import { packPositions, type TokenRow, unpackPositions } from "./token_rows.ts";

/** Predictions that a loss on the host reads: for each row an array over its counted positions. */
export interface RowLogprobs {
  /** Log-probability of each target, in nats. */
  readonly logprobs: readonly Float32Array[];
  /** Entropy of the whole distribution, in nats. */
  readonly entropy: readonly Float32Array[];
  /** Mean of the logits over the vocabulary; null where it was not asked for. */
  readonly meanLogits: readonly Float32Array[] | null;
}

/** Options of a pass for a loss on the host. */
export interface RowPassOptions extends TrainingPassOptions {
  /** Computes `meanLogits`; default false. */
  readonly meanLogits?: boolean;
}

/**
 * Forward and backward pass of some rows for a loss that is computed on the host in between: adds its
 * gradient to that of the trainable parameters.
 *
 * @param loss computes the loss and its gradients by the log-probabilities
 * @returns what `loss` returned
 */
export async function forwardBackwardRows<Loss extends RowLoss>(
  subject: TokenModel,
  rows: readonly TokenRow[],
  loss: (predictions: RowLogprobs) => Loss,
  options: RowPassOptions = {},
): Promise<Loss> {
  const { promptPass = null } = options;
  const cx = promptPass?.cx ?? trainingContext(subject.model.device, options);
  try {
    const predictions = tokenPass(cx, subject, rows, promptPass?.prompts);
    const { logprobs, entropy } = predictions;
    const means = options.meanLogits ? predictions.meanLogits() : null;
    const [packed, packedEntropy, packedMeans] = await Promise.all(
      [logprobs, entropy, means].map((tensor) => tensor?.read() ?? null),
    );
    const result = loss({
      logprobs: unpackPositions(rows, packed!),
      entropy: unpackPositions(rows, packedEntropy!),
      meanLogits: packedMeans && unpackPositions(rows, packedMeans),
    });
    const gradient = cx.from(packPositions(rows, result.gradients), logprobs.shape);
    cx.backward([{ output: logprobs, gradient }]);
    return result;
  } finally {
    cx.release();
  }
}
