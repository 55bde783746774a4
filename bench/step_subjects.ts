/** Steps of algorithms on a decoder-only model of random weights, each with its matrix products. */
import type { Device } from "../lib/device/device.ts";
import type { JsonObject } from "../lib/formats/hf_config.ts";
import { withLabelCount } from "../lib/models/classifier_config.ts";
import type { ClassifierModel } from "../lib/models/classifier_model.ts";
import { configureClassifier } from "../lib/models/classifier_registry.ts";
import type { LanguageModel } from "../lib/models/language_model.ts";
import { createAdapter } from "../lib/models/policy.ts";
import { RandomSource } from "../lib/models/random_weights.ts";
import { modelFamily } from "../lib/models/registry.ts";
import type { TrainableClassifier } from "../lib/models/trainable_classifier.ts";
import { FrozenStore } from "../lib/models/weight_store.ts";
import { ClassifierAdapter } from "../lib/nn/classifier_adapter.ts";
import { initLora, loraSpecs, resolveLora } from "../lib/nn/lora.ts";
import { Parameters } from "../lib/nn/parameters.ts";
import { DPOTrainer } from "../lib/preference/dpo_trainer.ts";
import { RewardTrainer } from "../lib/preference/reward_trainer.ts";
import { Random } from "../lib/random.ts";
import { GRPOTrainer } from "../lib/rl/grpo_trainer.ts";
import { predict } from "../lib/training/token_pass.ts";
import { responseRow } from "../lib/training/token_rows.ts";
import { groupStepProducts, pairStepProducts, type Product, textPairProducts } from "./products.ts";

/** Algorithms whose steps are measured. */
export const STEP_ALGORITHMS = ["grpo", "dpo", "reward"] as const;
/** Name of one. */
export type StepAlgorithm = typeof STEP_ALGORITHMS[number];

/** Sizes of a step. */
export interface StepSizes {
  /** Number of different prompts. */
  prompts: number;
  /** Number of responses to each; two where they are pairs. */
  responses: number;
  /** Number of tokens of each prompt. */
  prompt: number;
  /** Number of tokens of each response. */
  new: number;
  /** Type that frozen weights are stored in. */
  dtype: "f32" | "bf16";
  /** `activationMemory` of the trainer, in MiB. */
  activationMemory?: number | null;
}

/** Model on a device, and its steps. */
export interface StepSubject {
  /** Language model, whose decoding can be measured; null for a classifier. */
  readonly model: LanguageModel | null;
  /** Matrix products with weights that a step cannot do without. */
  readonly products: readonly Product[];
  /**
   * Makes a step.
   *
   * @param step number of the step, from 0
   * @param mark called at the end of each part with its name
   */
  run(step: number, mark: (part: StepPart) => void): Promise<void>;
}

/** Part of a step. */
export type StepPart = "generate" | "reference" | "update";

const LORA = { r: 16, loraAlpha: 32, loraDropout: 0, targetModules: "all-linear" } as const;
const STEPS = 1000;

/** Loads a subject of random weights. */
export function stepSubject(
  device: Device,
  algorithm: StepAlgorithm,
  config: JsonObject,
  sizes: StepSizes,
): StepSubject {
  const random = new Random(1);
  const seed = random.uint32();
  if (algorithm === "reward") {
    return rewardStep(randomClassifier(device, config, sizes, seed), sizes);
  }
  const store = new FrozenStore(device, new RandomSource(seed), sizes.dtype);
  const model = modelFamily(config, "bench").configure(config, "bench")(device, store);
  return (algorithm === "grpo" ? groupStep : pairStep)(model, sizes, random);
}

/** A step on groups of responses, as GRPO takes it. */
function groupStep(model: LanguageModel, sizes: StepSizes, random: Random): StepSubject {
  const { prompts, responses, prompt, new: length, activationMemory = null } = sizes;
  const policy = { model, adapter: createAdapter(model, LORA, 1) };
  const trainer = new GRPOTrainer(policy, {
    steps: STEPS,
    batchSize: prompts * responses,
    miniBatchSize: prompts * responses,
    numGenerations: responses,
    maxCompletionLength: length,
    activationMemory,
  });
  const distinct = texts(random, model.vocabSize, prompts, prompt);
  const queries = distinct.flatMap((query) => new Array<number[]>(responses).fill(query));
  return {
    model,
    products: groupStepProducts(model, sizes),
    async run(step, mark) {
      const sampled = await trainer.generate(distinct, {
        minNewTokens: length,
        firstRollout: step * queries.length,
      });
      mark("generate");
      const completions = sampled.map(({ tokens }) => tokens);
      // The reference of a new adapter is the model without one.
      const rows = queries.map((query, i) => responseRow(model, query, completions[i]));
      await predict({ model, adapter: null }, rows);
      mark("reference");
      const rewards = completions.map(() => random.uniform());
      await trainer.step(queries, completions, { rewards }, sampled);
      mark("update");
    },
  };
}

/** A step on preference pairs, as DPO takes it. */
function pairStep(model: LanguageModel, sizes: StepSizes, random: Random): StepSubject {
  const { prompts, prompt, new: length, activationMemory = null } = sizes;
  const policy = { model, adapter: createAdapter(model, LORA, 1) };
  const trainer = new DPOTrainer(policy, { steps: STEPS, batchSize: prompts, activationMemory });
  const read = texts(random, model.vocabSize, prompts, prompt);
  const answers = texts(random, model.vocabSize, 2 * prompts, length);
  const pairs = read.map((prompt, i) => ({
    prompt,
    chosen: answers[2 * i],
    rejected: answers[2 * i + 1],
  }));
  return {
    model,
    products: pairStepProducts(model, sizes),
    async run(_, mark) {
      const known = await trainer.referenceLogps(pairs);
      mark("reference");
      await trainer.step(pairs, known);
      mark("update");
    },
  };
}

/** A step of a reward model, which reads prompt and answer of each pair as one text. */
function rewardStep(trained: TrainableClassifier, sizes: StepSizes): StepSubject {
  const { prompts, prompt, new: length, activationMemory = null } = sizes;
  const { model } = trained;
  const trainer = new RewardTrainer(trained, {
    steps: STEPS,
    batchSize: prompts,
    activationMemory,
  });
  // Tokens that any vocabulary has.
  const all = texts(new Random(2), 100, 2 * prompts, prompt + length);
  const pairs = Array.from({ length: prompts }, (_, i) => ({
    chosen: all[2 * i],
    rejected: all[2 * i + 1],
  }));
  return {
    model: null,
    products: textPairProducts(model, sizes),
    async run(_, mark) {
      await trainer.step(pairs);
      mark("update");
    },
  };
}

/** A classifier with one output, an adapter and a head, all of random weights. */
function randomClassifier(
  device: Device,
  config: JsonObject,
  { dtype }: StepSizes,
  seed: number,
): TrainableClassifier {
  const { head, configure } = configureClassifier(withLabelCount(config, 1), "bench");
  const weights = { has: () => true, names: () => [], same: () => true };
  const source = new RandomSource(seed);
  const model: ClassifierModel = configure(weights)(device, new FrozenStore(device, source, dtype));
  const lora = resolveLora(model, LORA);
  const specs = [...loraSpecs(model.linearModules, lora), ...head];
  const parameters = Parameters.build(device, specs, (parameters) => {
    initLora(parameters, 1);
    for (const { name, shape } of head) parameters.write(name, source.read(name, shape));
    return parameters;
  });
  return { model, adapter: new ClassifierAdapter(lora, parameters), parameters };
}

function texts(random: Random, vocabulary: number, count: number, length: number): number[][] {
  return Array.from(
    { length: count },
    () => Array.from({ length }, () => random.integer(2, vocabulary)),
  );
}
