import { rouge } from "../../lib/evaluation/rouge.ts";
// The package that Deno reads CSV with would be a large part of the islands.
import { CsvError, parse } from "../../lib/packages/browser/csv.ts";
import { parseObject, rowsIn } from "./json_rows.ts";

/** Reads a text file of a run, by its name; null for one that is missing. */
export type ReadText = (file: string) => string | null;

/** Responses to a prompt before and after training. */
export interface ComparedPrompt {
  /** Prompt. */
  query: string;
  /** Response that the dataset has; null where only rewards judge. */
  reference: string | null;
  /** Response before training. */
  before: string;
  /** Response after training. */
  after: string;
  /** Score of the response before training; NaN without a score. */
  scoreBefore: number;
  /** Score of the response after training; NaN without a score. */
  scoreAfter: number;
  /** `scoreAfter - scoreBefore`. */
  difference: number;
}

/** Files of comparisons: of rewards, of summaries, of answers without a score. */
export const COMPARISON_FILES = ["comparison.csv", "summaries.jsonl", "answers.jsonl"] as const;

/** Responses of a run before and after training. */
export interface PromptComparison {
  /** File of the run that has them. */
  file: typeof COMPARISON_FILES[number];
  /** Name of the score; larger is better. Null where responses have none. */
  score: string | null;
  /** Prompts, in the order of the file. */
  rows: ComparedPrompt[];
}

/** Reads a run's comparison of rewards, else of summaries, else of answers; null when it has none. */
export function readComparison(read: ReadText): PromptComparison | null {
  const csv = parseComparison(read("comparison.csv"));
  if (csv.length > 0) {
    // Of several rewards, the first is compared.
    const { rewards } = Object(parseObject(read("summary.json") ?? ""));
    return {
      file: "comparison.csv",
      score: Object.keys(Object(rewards))[0] ?? "Reward",
      rows: csv,
    };
  }
  const summaries = parseSummaries(read("summaries.jsonl"));
  if (summaries.length > 0) return { file: "summaries.jsonl", score: "ROUGE-1", rows: summaries };
  const answers = parseAnswers(read("answers.jsonl"));
  if (answers.length > 0) return { file: "answers.jsonl", score: null, rows: answers };
  return null;
}

/** Reads the text of a `comparison.csv`; a missing or broken one has no rows. */
export function parseComparison(text: string | null): ComparedPrompt[] {
  let records: string[][];
  try {
    records = parse(text ?? "", { bom: true, skip_empty_lines: false });
  } catch (error) {
    if (error instanceof CsvError) return [];
    throw error;
  }
  const [names = [], ...rows] = records;
  return rows.map((row) => Object.fromEntries(row.map((value, i) => [names[i], value]))).map((
    record: Partial<Record<string, string>>,
  ) => ({
    query: record.query ?? "",
    reference: null,
    before: record.response_before ?? "",
    after: record.response_after ?? "",
    scoreBefore: Number(record.reward_before),
    scoreAfter: Number(record.reward_after),
    difference: Number(record.reward_diff),
  }));
}

/**
 * Reads the text of a `summaries.jsonl`, and scores each summary by the F-measure of its ROUGE-1 with
 * the reference; lines that are not whole are left out.
 */
export function parseSummaries(text: string | null): ComparedPrompt[] {
  return rowsIn(text ?? "").map((row) => {
    const [query, reference, before, after] = [row.query, row.reference, row.before, row.after]
      .map((value) => String(value ?? ""));
    const [scoreBefore, scoreAfter] = [before, after].map((summary) =>
      rouge(reference, summary).rouge1.fmeasure
    );
    const difference = scoreAfter - scoreBefore;
    return { query, reference, before, after, scoreBefore, scoreAfter, difference };
  });
}

/** Reads the text of an `answers.jsonl`; lines that are not whole are left out. */
export function parseAnswers(text: string | null): ComparedPrompt[] {
  return rowsIn(text ?? "").map((row) => {
    const [query, before, after] = [row.query, row.before, row.after].map((value) =>
      String(value ?? "")
    );
    const scores = { scoreBefore: NaN, scoreAfter: NaN, difference: NaN };
    return { query, reference: null, before, after, ...scores };
  });
}

/** A pair of a reward model with its margins before and after training. */
export interface ComparedPair {
  /** Prompt. */
  readonly prompt: string;
  /** Better answer, and its rewards. */
  readonly chosen: ComparedAnswer;
  /** Worse answer, and its rewards. */
  readonly rejected: ComparedAnswer;
}

/** An answer with its rewards before and after training. */
export interface ComparedAnswer {
  readonly text: string;
  readonly before: number;
  readonly after: number;
}

/** Reads a run's `pairs.jsonl`; empty where it has none, and lines that are not whole are left out. */
export function readPairs(read: ReadText): ComparedPair[] {
  return rowsIn(read("pairs.jsonl") ?? "").map((row) => {
    const answer = (side: "chosen" | "rejected"): ComparedAnswer => ({
      text: String(row[side] ?? ""),
      before: Number(Object(row.before)[side]),
      after: Number(Object(row.after)[side]),
    });
    return {
      prompt: String(row.prompt ?? ""),
      chosen: answer("chosen"),
      rejected: answer("rejected"),
    };
  });
}

/** Margin of a pair after training: positive where the chosen answer has the higher reward. */
export function marginOf({ chosen, rejected }: ComparedPair): number {
  return chosen.after - rejected.after;
}

/** Pairs in the order in which they are shown: what the reward gets wrong comes first. */
export function smallestMarginFirst(pairs: readonly ComparedPair[]): ComparedPair[] {
  return pairs.toSorted((a, b) => marginOf(a) - marginOf(b) || 0);
}
