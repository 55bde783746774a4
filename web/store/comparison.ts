import { CsvError, parse } from "../../lib/packages/csv.ts";

/** A prompt's responses before and after training: a row of `comparison.csv`. */
export interface ComparedPrompt {
  /** What was asked. */
  query: string;
  /** The response before. */
  before: string;
  /** The response after. */
  after: string;
  /** What the response before earned. */
  rewardBefore: number;
  /** What the response after earned. */
  rewardAfter: number;
  /** `rewardAfter - rewardBefore`. */
  difference: number;
}

/** Reads the text of a `comparison.csv`; none and a broken one give no rows. */
export function parseComparison(text: string | null): ComparedPrompt[] {
  let records: Record<string, string>[];
  try {
    records = parse(text ?? "", { columns: true, bom: true });
  } catch (error) {
    if (error instanceof CsvError) return [];
    throw error;
  }
  return records.map((record) => ({
    query: record.query ?? "",
    before: record.response_before ?? "",
    after: record.response_after ?? "",
    rewardBefore: Number(record.reward_before),
    rewardAfter: Number(record.reward_after),
    difference: Number(record.reward_diff),
  }));
}

/**
 * The dialogue in a query: what is left of it without the prompt's template around it. Tokenizers
 * squeeze white space, so that of the template counts for nothing.
 */
export function dialogueOf(query: string, template: string): string {
  const [before = "", after = ""] = template.split("{dialogue}").map((text) =>
    text.replace(/\s+/g, " ").trim()
  );
  let dialogue = query.replace(/<\/s>$/, "").trim();
  if (dialogue.startsWith(before)) dialogue = dialogue.slice(before.length);
  if (after !== "" && dialogue.endsWith(after)) dialogue = dialogue.slice(0, -after.length);
  return dialogue.trim();
}
