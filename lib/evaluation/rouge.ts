/** Overlap of two texts. */
export interface RougeScore {
  /** Share of the prediction's units that the reference has. */
  precision: number;
  /** Share of the reference's units that the prediction has. */
  recall: number;
  /** Harmonic mean of precision and recall, the number usually quoted; 0 where both are 0. */
  fmeasure: number;
}

/** The variants, under the names of the `rouge_score` package. */
export const ROUGE_TYPES = ["rouge1", "rouge2", "rougeL", "rougeLsum"] as const;

/** A score for each variant. */
export interface RougeScores {
  /** Words in common. */
  rouge1: RougeScore;
  /** Pairs of neighbouring words in common. */
  rouge2: RougeScore;
  /** The longest common subsequence of the texts. */
  rougeL: RougeScore;
  /** The longest common subsequences of their lines. */
  rougeLsum: RougeScore;
}

/** Mean F-measure of each variant. */
export type MeanRouge = Record<keyof RougeScores, number>;

/**
 * ROUGE of a summary (Lin 2004, https://aclanthology.org/W04-1013): words and pairs of words in common
 * (rouge1, rouge2), the longest common subsequence of the texts (rougeL), and that of each line of
 * the reference with all lines of the prediction (rougeLsum).
 *
 * Computed as the Python package `rouge_score` does without its stemmer: texts are put in lower case,
 * and words are runs of the letters a to z and digits.
 *
 * @param reference text written by people
 * @param prediction text to be judged
 */
export function rouge(reference: string, prediction: string): RougeScores {
  const [wanted, found] = [words(reference), words(prediction)];
  return {
    rouge1: ngramScore(wanted, found, 1),
    rouge2: ngramScore(wanted, found, 2),
    rougeL: score(commonSubsequence(wanted, found).length, found.length, wanted.length),
    rougeLsum: linesScore(lines(reference), lines(prediction)),
  };
}

/**
 * Mean F-measure of each variant over pairs of texts, in 0 … 1; NaN for none.
 *
 * @throws {RangeError} when there is not one prediction for each reference
 */
export function meanRouge(
  references: readonly string[],
  predictions: readonly string[],
): MeanRouge {
  if (references.length !== predictions.length) {
    throw new RangeError(
      `${references.length} references for ${predictions.length} predictions: expected as many`,
    );
  }
  const scores = references.map((reference, i) => rouge(reference, predictions[i]));
  const mean = (type: keyof RougeScores) =>
    scores.reduce((sum, score) => sum + score[type].fmeasure, 0) / scores.length;
  return Object.fromEntries(ROUGE_TYPES.map((type) => [type, mean(type)])) as MeanRouge;
}

function words(text: string): string[] {
  return text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
}

function lines(text: string): string[][] {
  return text.split("\n").filter((line) => line !== "").map(words);
}

function score(hits: number, found: number, wanted: number): RougeScore {
  const precision = hits / Math.max(found, 1);
  const recall = hits / Math.max(wanted, 1);
  const sum = precision + recall;
  return { precision, recall, fmeasure: sum > 0 ? 2 * precision * recall / sum : 0 };
}

function ngramScore(wanted: readonly string[], found: readonly string[], n: number): RougeScore {
  const [inWanted, inFound] = [wanted, found].map((words) =>
    counts(words.slice(n - 1).map((_, i) => words.slice(i, i + n).join(" ")))
  );
  let hits = 0;
  for (const [ngram, count] of inWanted) hits += Math.min(count, inFound.get(ngram) ?? 0);
  const total = (words: readonly string[]) => Math.max(0, words.length - n + 1);
  return score(hits, total(found), total(wanted));
}

/**
 * Summary-level LCS: a line of the reference is hit where it lies on a longest common subsequence with
 * any line of the prediction, and each word only as often as both texts have it.
 */
function linesScore(wanted: readonly string[][], found: readonly string[][]): RougeScore {
  const [left, right] = [wanted, found].map((lines) => counts(lines.flat()));
  let hits = 0;
  for (const line of wanted) {
    const union = new Set(found.flatMap((candidate) => commonSubsequence(line, candidate)));
    for (const position of [...union].sort((a, b) => a - b)) {
      const word = line[position];
      const [inWanted, inFound] = [left.get(word) ?? 0, right.get(word) ?? 0];
      if (inWanted === 0 || inFound === 0) continue;
      hits++;
      left.set(word, inWanted - 1);
      right.set(word, inFound - 1);
    }
  }
  return score(hits, found.flat().length, wanted.flat().length);
}

function counts(items: readonly string[]): Map<string, number> {
  const result = new Map<string, number>();
  for (const item of items) result.set(item, (result.get(item) ?? 0) + 1);
  return result;
}

/** Positions in `a` of a longest subsequence that `b` has as well; of several, the last. */
function commonSubsequence(a: readonly string[], b: readonly string[]): number[] {
  const width = b.length + 1;
  // Entry (i, j): the length for the first i and j words.
  const table = new Uint32Array((a.length + 1) * width);
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      table[i * width + j] = a[i - 1] === b[j - 1]
        ? table[(i - 1) * width + j - 1] + 1
        : Math.max(table[(i - 1) * width + j], table[i * width + j - 1]);
    }
  }
  const positions: number[] = [];
  let [i, j] = [a.length, b.length];
  while (i > 0 && j > 0) {
    if (a[i - 1] === b[j - 1]) {
      positions.unshift(i - 1);
      i--;
      j--;
    } else if (table[i * width + j - 1] > table[(i - 1) * width + j]) j--;
    else i--;
  }
  return positions;
}
