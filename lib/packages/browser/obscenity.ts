/** Profanity of English texts: a file beside the bundle, loaded on first use. */
const beside = new URL("temper-profanity.js", import.meta.url);
const { englishDataset, englishRecommendedTransformers, RegExpMatcher }:
  typeof import("npm:obscenity@0.4.6") = await import(beside.href);

export { englishDataset, englishRecommendedTransformers, RegExpMatcher };
