import { z } from "../../packages/zod.ts";
import { UserError } from "../../errors.ts";
import { checkConfigKeys, COMMON_KEYS, GENERATION_KEYS } from "../../formats/config_keys.ts";
import type { JsonObject } from "../../formats/hf_config.ts";
import {
  checkTokenIds,
  dropoutSchema,
  epsilonSchema,
  layersSchema,
  padTokenIn,
  parseKeys,
  resolveAliases,
  rowsSchema,
  tokenIdSchema,
  tokenIdsSchema,
  widthSchema,
} from "../config_schema.ts";
import type { DecoderConfig, DecoderNames, LayerAttention } from "./config.ts";
import { DECODER_KEYS, GPT2_ALIASES } from "./config_keys.ts";
import { ACTIVATIONS } from "./llama_config.ts";

/** Keys of GPT-2; defaults are those of transformers' GPT2Config. */
const schema = z.object({
  model_type: z.literal("gpt2"),
  vocab_size: rowsSchema.default(50257),
  n_positions: rowsSchema.default(1024),
  n_embd: widthSchema.default(768),
  n_layer: layersSchema.default(12),
  n_head: widthSchema.default(12),
  n_inner: widthSchema.nullish(),
  activation_function: z.enum(Object.keys(ACTIVATIONS)).default("gelu_new"),
  layer_norm_epsilon: epsilonSchema.default(1e-5),
  embd_pdrop: dropoutSchema.default(0.1),
  resid_pdrop: dropoutSchema.default(0.1),
  scale_attn_weights: z.boolean().default(true),
  scale_attn_by_inverse_layer_idx: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(true),
  pad_token_id: tokenIdSchema.nullish(),
  eos_token_id: tokenIdsSchema.nullable().default(50256),
});

const GPT2_NAMES: DecoderNames = {
  base: "transformer.",
  embedding: "wte",
  positions: "wpe",
  layers: "h",
  finalNorm: "ln_f",
  attentionNorm: "ln_1",
  attentionOutputNorm: null,
  heads: "attn.c_attn",
  output: "attn.c_proj",
  headNorms: null,
  feedForwardNorm: "ln_2",
  feedForwardOutputNorm: null,
  inner: "mlp.c_fc",
  gate: null,
  outer: "mlp.c_proj",
  // Causal masks, which old files have among the weights.
  ignored: /\.attn\.(bias|masked_bias)$/,
};

/**
 * Reads a parsed config.json of GPT-2.
 *
 * @param path path of the file, for messages
 * @throws {UserError} naming the key that is missing or unsupported, and its value
 */
export function parseGpt2Config(json: JsonObject, path: string): DecoderConfig {
  const own = resolveAliases(json, GPT2_ALIASES, path);
  const c = parseKeys(schema, own, path, "Temper trains GPT-2 models");
  const keys = {
    ...DECODER_KEYS.gpt2,
    read: [...DECODER_KEYS.gpt2.read, ...Object.keys(GPT2_ALIASES)],
  };
  checkConfigKeys(own, path, [keys, COMMON_KEYS, GENERATION_KEYS]);
  const headSize = c.n_embd / c.n_head;
  if (!Number.isInteger(headSize)) {
    throw new UserError(
      `${path}: "n_embd" is ${c.n_embd}, expected a multiple of "n_head", ${c.n_head}`,
    );
  }
  const eosTokenIds = [...new Set([c.eos_token_id ?? []].flat())];
  checkTokenIds(path, "eos_token_id", eosTokenIds, c.vocab_size);
  const scale = c.scale_attn_weights ? headSize ** -0.5 : 1;
  return {
    modelType: c.model_type,
    vocabSize: c.vocab_size,
    hiddenSize: c.n_embd,
    innerSize: c.n_inner ?? 4 * c.n_embd,
    heads: c.n_head,
    keyHeads: c.n_head,
    headSize,
    norm: { kind: "layer", eps: c.layer_norm_epsilon, weightOffset: 0 },
    activation: ACTIVATIONS[c.activation_function],
    biases: { heads: true, output: true, feedForward: true },
    layers: Array.from({ length: c.n_layer }, (_, layer): LayerAttention => ({
      scale: c.scale_attn_by_inverse_layer_idx ? scale / (layer + 1) : scale,
      window: null,
      rope: null,
    })),
    positions: c.n_positions,
    trainedLength: null,
    embeddingScale: 1,
    transposed: true,
    tied: c.tie_word_embeddings,
    dropout: { embedding: c.embd_pdrop, residual: c.resid_pdrop },
    padTokenId: padTokenIn(c.pad_token_id, c.vocab_size),
    trainsPadding: true,
    eosTokenIds,
    names: GPT2_NAMES,
    storedBase: GPT2_NAMES.base,
  };
}
