/** A token of a response. */
export interface SampleToken {
  /** Text. */
  text: string;
  /** `log(π / π_ref)`: positive where the token is likelier under the policy. */
  logRatio: number;
}

/** A response of the policy during training: a row of `samples.jsonl`. */
export interface Sample {
  /** Step of the training. */
  step: number;
  /** Prompt. */
  query: string;
  /** Response. */
  response: string;
  /** Weighted sum of the rewards; NaN for a missing one. */
  reward: number;
  /** Score of each reward, by its name. */
  rewards: Record<string, number>;
  /** Length of the response in tokens. */
  length: number;
  /** KL of the rollout, in nats. */
  kl: number;
  /** Advantage of the response within its group; NaN where there are no groups. */
  advantage: number;
  /** Answer's part in a preference; null where there is none. */
  side: "chosen" | "rejected" | null;
  /** Reward of the chosen answer minus that of the rejected one; NaN where it is no pair. */
  margin: number;
  /** Tokens of the response, where they were recorded. */
  tokens?: SampleToken[];
  /** Name of the prompt in addresses: a hash of its text. */
  prompt: string;
}

/**
 * Samples that are seen together: a group of responses to a prompt, the two answers of a pair, or one
 * sample that is in neither.
 */
export type SampleSet = readonly Sample[];

/** Quantities that samples can be sorted by. */
export const SAMPLE_SORTS = ["step", "reward", "kl", "length"] as const;

/** Selection and order of the samples. */
export interface SamplesQuery {
  /** Part of the prompt or the response; empty for all. */
  search: string;
  /** Step; null for all. */
  step: number | null;
  /** Name of the prompt; empty for all. */
  prompt: string;
  /** Quantity to sort by. */
  sort: typeof SAMPLE_SORTS[number];
  /** Largest first. */
  descending: boolean;
  /** Number of the page, from 1. */
  page: number;
}

/** A page of samples. */
export interface SamplesPage {
  /** Sets on this page: those with a matching sample. */
  sets: SampleSet[];
  /** Number of samples in the matching sets, on all pages. */
  total: number;
  /** Number of the matching sets, on all pages. */
  totalSets: number;
  /** Number of this page, from 1. */
  page: number;
  /** Number of pages, at least 1. */
  pages: number;
  /** First and last step with samples; 0 without any. */
  steps: { first: number; last: number };
}

/** Reads a row of `samples.jsonl`, which may be broken; `prompt` is the prompt's name. */
export function sampleOf(row: Readonly<Record<string, unknown>>, prompt: string): Sample {
  // A reward that did not apply to the response is null.
  const rewards = Object.entries(Object(row.rewards)).filter(([, value]) =>
    typeof value === "number"
  );
  return {
    step: numberIn(row.step),
    reward: numberIn(row.reward),
    kl: numberIn(row.kl),
    advantage: numberIn(row.advantage),
    side: row.side === "chosen" || row.side === "rejected" ? row.side : null,
    margin: numberIn(row.margin),
    length: numberIn(row.length),
    prompt,
    query: String(row.query),
    response: String(row.response),
    rewards: Object.fromEntries(rewards) as Record<string, number>,
    ...tokensOf(row),
  };
}

/** A value that is a number, else NaN. */
export function numberIn(value: unknown): number {
  return typeof value === "number" ? value : NaN;
}

function tokensOf({ tokens, logRatios }: Readonly<Record<string, unknown>>): {
  tokens?: SampleToken[];
} {
  if (!Array.isArray(tokens) || !Array.isArray(logRatios)) return {};
  return {
    tokens: tokens.map((text, i) => ({ text: String(text), logRatio: Number(logRatios[i]) })),
  };
}
