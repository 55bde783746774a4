import { compareVariants } from "../../kernels/matmul/equal_variants.ts";
import { hasSubgroupVariant } from "../../kernels/matmul/matmul_variants.ts";
import { greedy, sample } from "../../kernels/sample/sample.ts";
import type { Device, GpuDevice } from "../device/device.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import { generate } from "../generation/generate.ts";
import { EncoderClassifier } from "../models/encoder_classifier.ts";
import { parseEncoderConfig } from "../models/encoder_config.ts";
import type { LanguageModel } from "../models/language_model.ts";
import { createAdapter, createPolicy } from "../models/policy.ts";
import { RandomSource } from "../models/random_weights.ts";
import { modelFamily } from "../models/registry.ts";
import { FrozenStore } from "../models/weight_store.ts";
import { GRPOTrainer } from "../rl/grpo_trainer.ts";
import { PPOTrainer } from "../rl/ppo_trainer.ts";
import { Context } from "../tensor/context.ts";

const VOCABULARY = 200;
const SIZES = { vocab_size: VOCABULARY, num_layers: 1 };
const T5 = {
  ...{ model_type: "t5", ...SIZES, d_model: 32, d_kv: 8, d_ff: 64, num_heads: 4 },
  ...{ feed_forward_proj: "gated-gelu", tie_word_embeddings: false },
};
const DECODER = { vocab_size: VOCABULARY, num_hidden_layers: 1, max_position_embeddings: 128 };
const LLAMA = {
  ...{ model_type: "llama", ...DECODER, hidden_size: 32, intermediate_size: 64 },
  ...{ num_attention_heads: 4, num_key_value_heads: 2, tie_word_embeddings: true },
  ...{ hidden_act: "silu", rms_norm_eps: 1e-5, rope_theta: 10000 },
};
const GPT2 = {
  ...{ model_type: "gpt2", vocab_size: VOCABULARY, n_layer: 1, n_positions: 128 },
  ...{ n_embd: 32, n_head: 4, bos_token_id: 0, eos_token_id: 0 },
};
const ROBERTA = {
  ...{ model_type: "roberta", ...DECODER, hidden_size: 32, intermediate_size: 64 },
  num_attention_heads: 4,
};

/** Tokens of prompts, short and long. */
const PROMPTS = [70, 9].map((length) => Array.from({ length }, (_, i) => 3 + i * 37 % 190));
const NEW_TOKENS = 3;

/**
 * Uses the kernels that training takes, on tiny models of random weights: variants of the matrix product,
 * steps of PPO on an encoder-decoder, of GRPO on decoders, a classifier. What comes out is not looked at.
 */
export async function exerciseKernels(device: GpuDevice): Promise<void> {
  // Whether they are to be taken is found out later: here they are to compile.
  device.usesSubgroups = hasSubgroupVariant(device);
  await compareVariants(device);
  for (const dtype of ["f32", "bf16"] as const) {
    await stepOfPPO(device, dtype);
    for (const config of [LLAMA, GPT2]) await stepOfGRPO(device, config, dtype);
  }
  const store = new FrozenStore(device, new RandomSource(1), "f32");
  const classifier = new EncoderClassifier(device, parseEncoderConfig(ROBERTA, "doctor"), store);
  const cx = new Context(device);
  await classifier.logits(cx, PROMPTS).read();
  await drawInParts(cx);
  cx.release();
}

/** Takes tokens as for large vocabularies, which are slow on software adapters. */
async function drawInParts(cx: Context): Promise<void> {
  const row = cx.from(Int32Array.of(0));
  const input = {
    ...{ logits: cx.from(new Float32Array(VOCABULARY)), rows: 1, vocabulary: VOCABULARY },
    ...{ positions: row, ends: null, minLength: 0, repetition: null },
  };
  const drawing = { rollouts: row, seed: 1, temperature: 1, topK: 0, topP: 1 };
  const tokens = cx.empty([1], "i32");
  const extras = { logprobs: cx.empty([1]), inParts: true };
  sample(cx.device, input, drawing, tokens, extras);
  greedy(cx.device, input, tokens, extras);
  await tokens.readInts();
}

async function stepOfPPO(device: Device, dtype: "f32" | "bf16"): Promise<void> {
  const lora = { r: 4, loraAlpha: 8, loraDropout: 0.1, targetModules: ["q", "v"] };
  const policy = createPolicy(randomModel(device, T5, dtype), lora, 1);
  const sizes = { batchSize: 2, miniBatchSize: 2, ppoEpochs: 1, learningRate: 1e-4 };
  const trainer = new PPOTrainer(policy, sizes);
  const sampled = await trainer.generate(PROMPTS, { maxNewTokens: NEW_TOKENS, doSample: true });
  await trainer.step(PROMPTS, sampled.map(({ tokens }) => tokens), [1, -1], sampled);
  await generate(policy.model, PROMPTS, { maxNewTokens: NEW_TOKENS, doSample: false });
}

async function stepOfGRPO(
  device: Device,
  config: JsonObject,
  dtype: "f32" | "bf16",
): Promise<void> {
  const model = randomModel(device, config, dtype);
  const lora = { r: 4, loraAlpha: 8, loraDropout: 0, targetModules: "all-linear" };
  const trainer = new GRPOTrainer({ model, adapter: createAdapter(model, lora, 1) }, {
    ...{ steps: 1, batchSize: 4, miniBatchSize: 4, numGenerations: 2, beta: 0.1 },
    maxCompletionLength: NEW_TOKENS,
  });
  const sampled = await trainer.generate(PROMPTS, { minNewTokens: NEW_TOKENS });
  const queries = PROMPTS.flatMap((prompt) => [prompt, prompt]);
  const rewards = [1, -1, 0.5, 0];
  await trainer.step(queries, sampled.map(({ tokens }) => tokens), { rewards }, sampled);
}

function randomModel(
  device: Device,
  config: JsonObject,
  dtype: "f32" | "bf16",
): LanguageModel {
  const store = new FrozenStore(device, new RandomSource(1), dtype);
  return modelFamily(config, "doctor").configure(config, "doctor")(device, store);
}
