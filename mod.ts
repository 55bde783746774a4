/**
 * Temper fine-tunes language models with reinforcement learning: PPO, GRPO and RLOO against reward
 * models or functions, DPO, ORPO and KTO on preferences, reward models, and supervised fine-tuning,
 * on LoRA adapters of encoder-decoder and decoder-only models. Its kernels run as WebAssembly SIMD
 * on the CPU, and through WebGPU on a GPU. Log-probabilities of generation equal those of training
 * bit for bit.
 *
 * One step of PPO, with a reward function. Saved as `step.ts` in a clone of Temper,
 * `deno run -A step.ts` runs it (`examples/` has whole trainings with each algorithm):
 *
 * @example
 * ```ts
 * import {
 *   createPolicy,
 *   loadLanguageModel,
 *   openDevice,
 *   PPOTrainer,
 *   resolveAsset,
 *   Tokenizer,
 * } from "@temper/temper";
 *
 * const device = await openDevice();
 * const folder = await resolveAsset("demo/tiny-flan-t5"); // comes with Temper
 * const model = await loadLanguageModel(device, folder);
 * const tokenizer = await Tokenizer.load(folder);
 * const lora = { r: 8, loraAlpha: 16, loraDropout: 0, targetModules: ["q", "v"] };
 * const policy = createPolicy(model, lora, 0);
 * const trainer = new PPOTrainer(policy, { batchSize: 2, miniBatchSize: 2, learningRate: 1e-3 });
 *
 * const queries = ["How was the flight?", "And the movie?"].map((text) => tokenizer.encode(text));
 * const config = { maxNewTokens: 10, doSample: true, seed: 0 };
 * const generated = await trainer.generate(queries, config);
 * const responses = generated.map(({ tokens }) => tokens);
 * const scores = responses.map((tokens) => -tokens.length); // be brief
 * const stats = await trainer.step(queries, responses, scores, generated);
 * for (const tokens of responses) console.log(tokenizer.decode(tokens));
 * console.log("KL to the reference:", stats["objective/kl"]); // 0: nothing has moved yet
 * device.close();
 * ```
 *
 * @module
 */

export {
  DeviceLostError,
  type ErrorFacts,
  type MemoryFacts,
  NotFiniteError,
  OutOfMemoryError,
  RunInterruptedError,
  SourceChangedError,
  TrainingDivergedError,
  UserError,
} from "./lib/errors.ts";

// Models
export { loadLanguageModel } from "./lib/models/registry.ts";
export {
  loadTrainableModel,
  saveTrainableModel,
  type TrainableModel,
} from "./lib/models/trainable.ts";
export {
  createAdapter,
  createPolicy,
  loadAdapter,
  loadPolicy,
  type Policy,
  saveAdapter,
  savePolicy,
} from "./lib/models/policy.ts";
export type { AdapterFormat, TaskType } from "./lib/formats/peft.ts";
export { FolderFiles, MemoryFiles, ModelFiles } from "./lib/formats/model_files.ts";
export type { JsonObject } from "./lib/formats/hf_config.ts";
export type { RandomAccessFile } from "./lib/formats/random_access_file.ts";
export { mergeAdapter } from "./lib/models/merge.ts";
export { SequenceClassifier } from "./lib/models/sequence_classifier.ts";
export type { ClassifierModel } from "./lib/models/classifier_model.ts";
export {
  loadClassifierAdapter,
  loadTrainableClassifier,
  saveClassifierAdapter,
  saveTrainableClassifier,
  type TrainableClassifier,
  type TrainableClassifierOptions,
} from "./lib/models/trainable_classifier.ts";
export type { LoraConfig } from "./lib/formats/lora_config.ts";
export { ClassifierAdapter } from "./lib/nn/classifier_adapter.ts";
export { type LinearModule, LoraAdapter, type NewLoraConfig } from "./lib/nn/lora.ts";
export { Adam, type AdamConfig } from "./lib/nn/optimizer.ts";
export { ValueHead } from "./lib/nn/value_head.ts";

// Generation
export { generate, type Generated, type GenerationOptions } from "./lib/generation/generate.ts";
export type { TokenDecoder } from "./lib/generation/stop_strings.ts";
export type { GenerationConfig } from "./lib/generation/generation_config.ts";

// What models are made of
export type { LoadOptions } from "./lib/models/family.ts";
export type {
  BatchShape,
  Decoding,
  DecodingWindow,
  LanguageModel,
  ModelMemory,
  PromptMemory,
  PromptPart,
  ValueOutput,
} from "./lib/models/language_model.ts";
export { T5ForConditionalGeneration } from "./lib/models/t5/t5.ts";
export type { T5Model } from "./lib/models/t5/model.ts";
export type { T5Config } from "./lib/models/t5/config.ts";
export type {
  Binding,
  Device,
  DeviceBase,
  DeviceBuffer,
  ElementType,
  GpuDevice,
  KernelRecipe,
  MemoryUse,
  RepeatableStep,
  Shader,
  ShaderSource,
  Signature,
  Span,
  SpanArgument,
  StandIns,
  SteppedMemory,
  StorageBinding,
  TaskDevice,
} from "./lib/device/device.ts";
export { type DeviceOptions, openDevice } from "./lib/device/open.ts";
export type { CompilationHooks } from "./lib/device/webgpu/pipelines.ts";
export { Context, type GradientSlot, type OutputGradient } from "./lib/tensor/context.ts";
export type { Rows } from "./lib/tensor/ops/attention.ts";
export type { LoraWeights } from "./lib/tensor/ops/linear.ts";
export type { TokenLogprobs } from "./lib/tensor/ops/lm_head.ts";
export type { LayerNorm, Norm, RmsNorm } from "./lib/tensor/ops/norm.ts";
export type { CacheSlots } from "./lib/tensor/ops/projections.ts";
export type { DropoutOptions } from "./kernels/dropout/dropout.ts";
export { Parameters, type ParameterSpec, type ParameterValues } from "./lib/nn/parameters.ts";
export { Packed } from "./lib/tensor/packed.ts";
export { type DType, Tensor } from "./lib/tensor/tensor.ts";

// PPO
export { type PPOConfig, type PPOConfigInput, resolvePPOConfig } from "./lib/rl/ppo_config.ts";
export type { SnakeCase } from "./lib/settings/names.ts";
export { LengthSampler } from "./lib/rl/length_sampler.ts";
export { PPOTrainer, type PPOTrainerState } from "./lib/rl/ppo_trainer.ts";
export { type GeneratedResponse, Rollouts, type SampledTokens } from "./lib/rl/rollouts.ts";
export type { BatchStatistics, MinibatchStatistics, PPOStats } from "./lib/rl/statistics.ts";
export { Random } from "./lib/random.ts";

// GRPO and RLOO
export { type GRPOConfig, type GRPOConfigInput, resolveGRPOConfig } from "./lib/rl/grpo_config.ts";
export { GRPOTrainer } from "./lib/rl/grpo_trainer.ts";
export { GroupTrainer } from "./lib/rl/group_trainer.ts";
export type { GroupBatch, GroupStats, UpdatePass } from "./lib/rl/group_trainer.ts";
export type { GroupConfig } from "./lib/rl/group_config.ts";
export { resolveRLOOConfig, type RLOOConfig, type RLOOConfigInput } from "./lib/rl/rloo_config.ts";
export { RLOOTrainer } from "./lib/rl/rloo_trainer.ts";
export type { RewardColumns } from "./lib/rl/weighted_reward.ts";

// Preferences
export {
  type DPOConfig,
  type DPOConfigInput,
  resolveDPOConfig,
} from "./lib/preference/dpo_config.ts";
export type { DPOLossType } from "./lib/preference/dpo_loss.ts";
export { DPOTrainer, type ReferenceLogps } from "./lib/preference/dpo_trainer.ts";
export type { PairStats, PreferenceStats } from "./lib/preference/pair_stats.ts";
export {
  type KTOConfig,
  type KTOConfigInput,
  resolveKTOConfig,
} from "./lib/preference/kto_config.ts";
export { type KTOStats, KTOTrainer, type LabelledAnswer } from "./lib/preference/kto_trainer.ts";
export {
  type ORPOConfig,
  type ORPOConfigInput,
  resolveORPOConfig,
} from "./lib/preference/orpo_config.ts";
export { ORPOTrainer } from "./lib/preference/orpo_trainer.ts";
export type { PreferencePair, TruncationOptions } from "./lib/preference/preference_pair.ts";
export {
  type PairCounts,
  type PairLossFunction,
  type PairPassLoss,
  type PairRows,
  PreferenceTrainer,
  type PreferenceTrainerConfig,
} from "./lib/preference/preference_trainer.ts";
export {
  resolveRewardConfig,
  type RewardConfig,
  type RewardConfigInput,
} from "./lib/preference/reward_config.ts";
export { rewardLoss } from "./lib/preference/reward_loss.ts";
export type { PairLoss } from "./lib/preference/dpo_loss.ts";
export {
  type PairRewards,
  type RewardPair,
  type RewardStats,
  RewardTrainer,
  type RewardTrainerState,
} from "./lib/preference/reward_trainer.ts";

// Training
export {
  type AdaptedModel,
  AdapterTrainer,
  type AdapterTrainerConfig,
  type AdapterTrainerState,
  type LossPass,
  type OptimizerStep,
  type ReferenceOptions,
} from "./lib/training/adapter_trainer.ts";
export type { LearningRateSchedule } from "./lib/training/schedules.ts";
export type { RowLoss } from "./lib/training/row_loss.ts";
export {
  forwardBackwardRows,
  type RowLogprobs,
  type RowPassOptions,
} from "./lib/training/row_pass.ts";
export type { Trainer } from "./lib/training/trainer.ts";
export { TrainerSnapshot } from "./lib/training/trainer_snapshot.ts";
export {
  forwardBackward,
  type TrainingPass,
  type TrainingPassOptions,
} from "./lib/training/token_pass.ts";
export type { PromptPass } from "./lib/training/prompt_pass.ts";
export type { ReadPrompts } from "./lib/training/read_prompts.ts";
export type { Share, TokenLoss, TokenLossArguments } from "./lib/training/token_loss.ts";
export type { TokenModel } from "./lib/training/token_model.ts";
export { type PositionRange, responseRow, type TokenRow } from "./lib/training/token_rows.ts";
export { ppoLoss } from "./lib/rl/ppo_loss.ts";
export { nllLoss } from "./lib/sft/nll_loss.ts";

// Supervised fine-tuning
export {
  type SFTStats,
  SFTTrainer,
  type SFTTrainerState,
  type TrainedModel,
} from "./lib/sft/sft_trainer.ts";
export type { SFTConfig, SFTConfigInput } from "./lib/sft/sft_config.ts";
export { evaluateLoss, type SupervisedExample } from "./lib/sft/supervised_pass.ts";

// Data
export {
  Dataset,
  type DatasetOptions,
  DatasetSplit,
  type Example,
  loadDataset,
} from "./lib/data/dataset.ts";
export { type CachedTexts, TokenCache, type TokenCacheOptions } from "./lib/data/token_cache.ts";
export type { StoredTokens } from "./lib/data/token_entry.ts";
export { TokenizedTexts, type TokenizedTextsOptions } from "./lib/data/tokenized_texts.ts";
export { DEFAULT_PROMPT, type DialogueOptions } from "./lib/data/dialogue_format.ts";
export {
  type SequenceOptions,
  type TrainingSequence,
  TrainingSequences,
} from "./lib/data/training_sequences.ts";
export {
  type LabelledAnswers,
  type LabelledTexts,
  type LabelledTokens,
  type PairTexts,
  type PairTokens,
  PreferencePairs,
} from "./lib/data/preference_pairs.ts";
export { extractPrompt, renderRow, type TrlRow, type TrlTexts } from "./lib/data/trl_rows.ts";
export { type EncodeOptions, Tokenizer } from "./lib/data/tokenizer.ts";
export {
  type ChatOptions,
  ChatTemplate,
  type ChatTemplateOptions,
} from "./lib/data/chat_template.ts";
export type { ChatMessage, ContentPart } from "./lib/data/messages.ts";
export type { RenderedText } from "./lib/data/template_program.ts";
export {
  DEMO_ADDITIONS,
  DEMO_CHAT_MODEL,
  DEMO_CLASSIFIER,
  DEMO_DATASET,
  DEMO_MODEL,
  resolveAsset,
} from "./lib/runs/settings/demo.ts";

// The Hugging Face Hub
export { type DownloadHooks, type DownloadProgress, downloadRepo } from "./lib/hub/download.ts";
export { parseRepo, type Repo, type RepoType, type Wanted } from "./lib/hub/repo.ts";
export { resolveRepo } from "./lib/hub/resolve.ts";
export { type HubSettings, hubSettings } from "./lib/hub/settings.ts";

// Rewards
export type { NullableRewardFunction, RewardFunction, RewardSample } from "./lib/rewards/reward.ts";
export { ClassifierReward, type ClassifierRewardOptions } from "./lib/rewards/classifier_reward.ts";
export { OnnxClassifier } from "./lib/rewards/onnx_classifier.ts";
export { PipelineClassifier } from "./lib/rewards/pipeline_classifier.ts";
export { exactReward, numberReward } from "./lib/rewards/ready/answers.ts";
export { jsonReward } from "./lib/rewards/ready/json.ts";
export { type JudgeOptions, judgeReward } from "./lib/rewards/ready/judge.ts";
export { formatReward, lengthReward, repetitionReward } from "./lib/rewards/ready/shape.ts";
export { profanityReward, sentimentReward } from "./lib/rewards/ready/word_lists.ts";
export { loadScriptReward } from "./lib/rewards/script_reward.ts";
export { trlReward, type TRLRewardFunction } from "./lib/rewards/trl_reward.ts";
export { probabilities, softmax, type TextClassifier } from "./lib/rewards/text_classifier.ts";
export type { ProblemType } from "./lib/models/classifier_config.ts";
export {
  type RewardScores,
  type WeightedReward,
  WeightedRewards,
  type WeightedScores,
} from "./lib/rewards/weighted_rewards.ts";

// Evaluation
export {
  type CompareOptions,
  comparePolicies,
  compareResponses,
  type ComparisonRow,
} from "./lib/evaluation/compare.ts";
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
export {
  type MeanRouge,
  meanRouge,
  rouge,
  type RougeScore,
  type RougeScores,
} from "./lib/evaluation/rouge.ts";
export {
  type BatchingOptions,
  type Prompt,
  type TextGenerator,
  textGenerator,
} from "./lib/evaluation/text_generator.ts";
export {
  aggregateToxicity,
  measureToxicity,
  type ToxicityAggregation,
  type ToxicityMeasurement,
  type ToxicityOptions,
} from "./lib/evaluation/toxicity.ts";

// Runs
export {
  resolveTrainConfig,
  type TrainConfig,
  type TrainConfigInput,
} from "./lib/runs/settings/config.ts";
export {
  resolveSftConfig,
  type SftRunConfig,
  type SftRunConfigInput,
} from "./lib/runs/settings/sft_config.ts";
export type { DatasetHooks } from "./lib/runs/loading/dataset.ts";
export type { ParameterCount } from "./lib/models/parameter_count.ts";
export type { MetricsRow } from "./lib/runs/folder/export.ts";
export type { RunDirectory } from "./lib/runs/folder/run_directory.ts";
export type { Summary } from "./lib/runs/kinds/ppo/summary.ts";
export type { SftMeasurement } from "./lib/runs/kinds/sft/measurement.ts";
export type { SftSummary } from "./lib/runs/kinds/sft/summary.ts";
export type { RunHooks, RunOptions } from "./lib/runs/loop/run.ts";
export type {
  FleetPolicy,
  FleetPrompt,
  FleetRequest,
  FleetRollouts,
  FleetRun,
  RolloutFleet,
} from "./lib/runs/kinds/fleet/rollout_fleet.ts";
export type { NatsAddress } from "./lib/cluster/address.ts";
export { connectFleet } from "./lib/cluster/connect_fleet.ts";
export { work, type WorkOptions } from "./lib/cluster/work.ts";
export type { WorkerHooks } from "./lib/cluster/worker_hooks.ts";
export { sft, type SftHooks, type SftResult } from "./lib/runs/loop/sft.ts";
export {
  resumeConfig,
  train,
  type TrainHooks,
  type TrainOptions,
  type TrainResult,
} from "./lib/runs/loop/train.ts";
