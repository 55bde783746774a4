/** A token of a response. */
export interface SampleToken {
  /** Its text. */
  text: string;
  /** `log(π / π_ref)`: above 0 where the policy likes it more than the reference does. */
  logRatio: number;
}

/** Something that the policy said while it was trained: a row of `samples.jsonl`. */
export interface Sample {
  /** The PPO step. */
  step: number;
  /** What the policy was asked. */
  query: string;
  /** What it said. */
  response: string;
  /** What it was trained on. */
  reward: number;
  /** Score of each reward, by its name. */
  rewards: Record<string, number>;
  /** Tokens of the response. */
  length: number;
  /** KL of the rollout, in nats. */
  kl: number;
  /** The response's tokens, where they were recorded. */
  tokens?: SampleToken[];
  /** Names the prompt in addresses: the same for the same query. */
  prompt: string;
}

/** What samples can be sorted by. */
export const SAMPLE_SORTS = ["step", "reward", "kl", "length"] as const;

/** Which samples are shown. */
export interface SamplesQuery {
  /** Part of the query or the response; empty for all. */
  search: string;
  /** Only of this step; null for all. */
  step: number | null;
  /** Only of this prompt; empty for all. */
  prompt: string;
  /** What they are sorted by. */
  sort: typeof SAMPLE_SORTS[number];
  /** Whether the largest comes first. */
  descending: boolean;
  /** Page, from 1. */
  page: number;
}

/** A page of samples. */
export interface SamplesPage {
  /** The samples on this page. */
  samples: Sample[];
  /** Samples that the query finds, on all pages. */
  total: number;
  /** This page, from 1. */
  page: number;
  /** How many pages there are, at least 1. */
  pages: number;
  /** The steps that there are samples of; 0 where there are none. */
  steps: { first: number; last: number };
}
