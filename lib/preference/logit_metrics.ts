import { mean } from "../training/moments.ts";

/**
 * Means of all logits at the positions that predict the answers' tokens, by TRL's names; 0 without an
 * answer of a kind. In TRL's DPOTrainer likewise; its ORPOTrainer counts the prompt and the padding as well,
 * and its KTOTrainer adds up the logits of an answer.
 *
 * @param chosen mean logit before each token of each chosen answer
 * @param rejected of each rejected answer
 */
export function logitMetrics(
  chosen: readonly Float32Array[],
  rejected: readonly Float32Array[],
): Record<string, number> {
  const average = (rows: readonly Float32Array[]) => {
    const values = rows.flatMap((row) => [...row]);
    return values.length > 0 ? mean(values) : 0;
  };
  return { "logits/chosen": average(chosen), "logits/rejected": average(rejected) };
}

/** Metrics of passes whose first half is of chosen answers, and the second of rejected ones. */
export function pairLogitMetrics(
  passes: readonly (readonly Float32Array[])[],
): Record<string, number> {
  const half = (rows: readonly Float32Array[]) => rows.length / 2;
  return logitMetrics(
    passes.flatMap((rows) => rows.slice(0, half(rows))),
    passes.flatMap((rows) => rows.slice(half(rows))),
  );
}
