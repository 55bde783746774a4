import type { RewardFunction } from "../reward.ts";

/** Loads a reward of -1 for a response with profanity (English, by the list of obscenity), else 0. */
export async function profanityReward(): Promise<RewardFunction> {
  const { englishDataset, englishRecommendedTransformers, RegExpMatcher } = await import(
    "../../packages/obscenity.ts"
  );
  const matcher = new RegExpMatcher({
    ...englishDataset.build(),
    ...englishRecommendedTransformers,
  });
  return (samples) => samples.map(({ response }) => matcher.hasMatch(response) ? -1 : 0);
}

/**
 * Loads a reward by a response's sentiment, from -1 to 1 (English, by VADER's list: Hutto and Gilbert
 * 2014).
 */
export async function sentimentReward(): Promise<RewardFunction> {
  const { SentimentIntensityAnalyzer } = await import("../../packages/vader.ts");
  return (samples) =>
    samples.map(({ response }) => SentimentIntensityAnalyzer.polarity_scores(response).compound);
}
