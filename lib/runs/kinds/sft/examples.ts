import type { DatasetSplit } from "../../../data/dataset.ts";
import { UserError } from "../../../errors.ts";
import type { LanguageModel } from "../../../models/language_model.ts";
import type { SupervisedExample } from "../../../sft/supervised_pass.ts";
import { placeOf, type ReadTexts } from "../../loading/text_length.ts";
import type { SftRunConfig } from "../../settings/sft_config.ts";

/** Examples that the rows of a split make. */
export interface LearnableRows {
  /** Numbers of the rows that have something to learn. */
  readonly rows: readonly number[];
  /** Returns a row's example. */
  example(row: number): SupervisedExample;
  /** Returns a row's text. */
  text(row: number): string;
}

/**
 * Makes examples of a split's rows: for an encoder-decoder the prompt and the reference response, for a
 * decoder-only model a sequence of both.
 *
 * @throws {UserError} when rows have no response, or none has one within the maximum length
 */
export function learnableRows(
  split: DatasetSplit,
  { taskType }: Pick<LanguageModel, "taskType">,
  config: SftRunConfig,
): LearnableRows {
  if (taskType !== "CAUSAL_LM") {
    const { prompts } = split;
    const labels = split.labels(config.maxTargetLength);
    return {
      rows: Array.from({ length: split.length }, (_, row) => row),
      example: (row) => ({ inputIds: prompts.ids(row), labels: labels.ids(row) }),
      text: (row) => prompts.text(row),
    };
  }
  const sequences = split.sequences(config);
  const rows = sequences.learnable();
  if (rows.length === 0) {
    throw new UserError(
      `no row of the ${split.name} split has anything to learn among its first ` +
        `${config.maxLength} tokens: raise \`maxLength\``,
    );
  }
  return {
    rows,
    example: (row) => sequences.sequence(row),
    text: (row) => sequences.text(row),
  };
}

/** The first examples, as texts that a decoder-only model is to read. */
export function textsToRead(
  split: DatasetSplit,
  { rows, example, text }: LearnableRows,
  count: number = rows.length,
): ReadTexts {
  return {
    what: "text",
    length: Math.min(count, rows.length),
    place: (index) => placeOf(rows[index], split.name),
    characters: (index) => text(rows[index]).length,
    tokens(index) {
      const { inputIds, labels } = example(rows[index]);
      return inputIds.length + labels.length;
    },
  };
}

/** Says in one line how many rows are left out; null for none. */
export function leftOutNotice(
  split: DatasetSplit,
  { rows }: LearnableRows,
  { maxLength }: SftRunConfig,
): string | null {
  const count = split.length - rows.length;
  if (count === 0) return null;
  return `${count} of ${split.length} rows of the ${split.name} split left out: nothing to learn ` +
    `among their first ${maxLength} tokens`;
}
