/**
 * Temper fine-tunes text-to-text models with reinforcement learning from a reward model: PPO on
 * LoRA adapters, a value head, a KL leash to a frozen reference, toxicity measured before and
 * after. It runs on handwritten kernels, WebAssembly SIMD on the CPU and WebGPU where there is one.
 *
 * A reward is any function from samples to numbers; several add up:
 *
 * @example
 * ```ts
 * import { WeightedRewards } from "@temper/temper";
 *
 * const rewards = new WeightedRewards([
 *   { name: "brevity", weight: 1, reward: (s) => s.map((x) => -x.response.length / 100) },
 *   { name: "manners", weight: 2, reward: (s) => s.map((x) => x.response.includes("!") ? -1 : 1) },
 * ]);
 * const { totals } = await rewards.score([
 *   { query: "Well?", response: "It was a long flight." },
 *   { query: "Well?", response: "Never again!" },
 * ]);
 * console.assert(totals[0] > totals[1]);
 * ```
 *
 * @module
 */

export { OutOfMemoryError, UserError } from "./lib/errors.ts";

// PPO
export { type PPOConfig, type PPOConfigInput, resolvePPOConfig } from "./lib/rl/ppo_config.ts";
export { LengthSampler } from "./lib/rl/length_sampler.ts";
export { Random } from "./lib/random.ts";

// Data
export {
  Dataset,
  type DatasetOptions,
  DatasetSplit,
  DEFAULT_PROMPT,
  type Example,
  loadDataset,
} from "./lib/data/dataset.ts";
export { Tokenizer } from "./lib/data/tokenizer.ts";

// Rewards
export type { RewardFunction, RewardSample } from "./lib/rewards/reward.ts";
export { ClassifierReward, type ClassifierRewardOptions } from "./lib/rewards/classifier_reward.ts";
export { loadScriptReward } from "./lib/rewards/script_reward.ts";
export { softmax, type TextClassifier } from "./lib/rewards/text_classifier.ts";
export {
  type WeightedReward,
  WeightedRewards,
  type WeightedScores,
} from "./lib/rewards/weighted_rewards.ts";

// Evaluation
export { comparePolicies, compareResponses, type ComparisonRow } from "./lib/evaluation/compare.ts";
export {
  evaluatePolicy,
  type PolicyEvaluationOptions,
  type PolicyToxicity,
  type ToxicitySample,
} from "./lib/evaluation/evaluate_policy.ts";
export {
  bootstrapInterval,
  type SampleStatistics,
  sampleStatistics,
} from "./lib/evaluation/statistics.ts";
export type { BatchingOptions, Prompt, TextGenerator } from "./lib/evaluation/text_generator.ts";
export {
  aggregateToxicity,
  measureToxicity,
  type ToxicityAggregation,
  type ToxicityMeasurement,
  type ToxicityOptions,
} from "./lib/evaluation/toxicity.ts";
