/** Profanity of English texts. Loaded on first use. */
export { englishDataset, englishRecommendedTransformers, RegExpMatcher } from "npm:obscenity@0.4.6";
