import type { DatasetSplit } from "../../../data/dataset.ts";
import { UserError } from "../../../errors.ts";
import { shortJson } from "../../../visible_text.ts";
import type { PairTexts } from "../../../data/preference_pairs.ts";
import type { RewardPair } from "../../../preference/reward_trainer.ts";

/** Most special tokens that a tokenizer puts around a text. */
const SPECIAL_TOKENS = 8;

/** Pairs of a split that a reward model reads whole. */
export interface ReadablePairs {
  /** Number of pairs. */
  readonly length: number;
  /** Line about rows that are left out; null for none. */
  readonly notice: string | null;
  /** Returns a pair's tokens. */
  pair(index: number): RewardPair;
  /** Returns a pair's texts. */
  texts(index: number): PairTexts;
}

/**
 * Makes pairs of a split's rows. As in TRL's RewardTrainer, pairs with a text that is too long are left
 * out, and a column "margin" says by how much the chosen answer is to be better.
 *
 * @param maxLength maximum number of tokens of prompt and answer together
 * @throws {UserError} when rows are no pairs, a margin is no number, or no pair is left
 */
export function readablePairs(split: DatasetSplit, maxLength: number): ReadablePairs {
  const pairs = split.pairs(false);
  const [chosen, rejected] = [pairs.wholes("chosen"), pairs.wholes("rejected")];
  // A token has at least one byte, a UTF-16 unit at most three.
  const fits = (side: typeof chosen, row: number) =>
    3 * side.text(row).length + SPECIAL_TOKENS <= maxLength || side.ids(row).length <= maxLength;
  const rows = Array.from({ length: pairs.length }, (_, row) => row)
    .filter((row) => fits(chosen, row) && fits(rejected, row));
  if (rows.length === 0) {
    throw new UserError(
      `all pairs of the ${split.name} split are longer than ${maxLength} tokens: raise ` +
        "`maxLength`, or choose a model that reads longer texts",
    );
  }
  const margins = rows.map((row) => marginOf(pairs.columns(row).margin, split.name, row));
  const tooLong = pairs.length - rows.length;
  const reasons = Object.entries(pairs.leftOut).map(([reason, count]) => `${count} (${reason})`);
  if (tooLong > 0) reasons.push(`${tooLong} (longer than ${maxLength} tokens)`);
  return {
    length: rows.length,
    notice: reasons.length === 0
      ? null
      : `pairs of the ${split.name} split left out: ${reasons.join(", ")}`,
    pair(index) {
      const [row, margin] = [rows[index], margins[index]];
      return {
        chosen: chosen.ids(row),
        rejected: rejected.ids(row),
        ...(margin === null ? {} : { margin }),
      };
    },
    texts: (index) => pairs.texts(rows[index]),
  };
}

/** Reads a margin: CSV has it as a text. Null where there is none. */
function marginOf(value: unknown, split: string, row: number): number | null {
  if (value === undefined || value === null || value === "") return null;
  const margin = typeof value === "string" ? Number(value) : value;
  if (typeof margin === "number" && Number.isFinite(margin)) return margin;
  throw new UserError(
    `pair ${row + 1} of the ${split} split: "margin" is ${shortJson(value)}, expected a number`,
  );
}
