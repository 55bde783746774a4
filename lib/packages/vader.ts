/** Sentiment of English texts by a list of words. Loaded on first use. */
export { SentimentIntensityAnalyzer } from "npm:vader-sentiment@1.1.3";
