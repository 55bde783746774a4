/** Sentiment of English texts by a list of words: a file beside the bundle, loaded on first use. */
const beside = new URL("temper-sentiment.js", import.meta.url);
const { SentimentIntensityAnalyzer }: typeof import("npm:vader-sentiment@1.1.3") = await import(
  beside.href
);

export { SentimentIntensityAnalyzer };
