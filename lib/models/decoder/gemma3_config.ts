import { z } from "../../packages/zod.ts";
import { UserError } from "../../errors.ts";
import { checkConfigKeys, COMMON_KEYS, GENERATION_KEYS } from "../../formats/config_keys.ts";
import type { JsonObject } from "../../formats/hf_config.ts";
import {
  parseKeys,
  rowsSchema,
  tokenIdSchema,
  tokenIdsSchema,
  widthSchema,
} from "../config_schema.ts";
import type { DecoderConfig, DecoderNames, LayerAttention } from "./config.ts";
import { DECODER_KEYS } from "./config_keys.ts";
import {
  ACTIVATIONS,
  checkLayerTypes,
  headSizes,
  LLAMA_NAMES,
  sharedConfig,
  sharedSchema,
} from "./llama_config.ts";
import { parseRope, type RopeConfig } from "./rope.ts";

const theta = z.number().positive();
const pattern = z.int().positive();
const layerType = z.enum(["full_attention", "sliding_attention"]);
type LayerType = z.output<typeof layerType>;

/** Keys of Gemma 3's text models; defaults are those of transformers' Gemma3TextConfig. */
const schema = sharedSchema.extend({
  model_type: z.literal("gemma3_text"),
  vocab_size: rowsSchema.default(262208),
  hidden_size: widthSchema.default(2304),
  intermediate_size: widthSchema.default(9216),
  num_hidden_layers: z.int().positive().max(1000).default(26),
  num_attention_heads: widthSchema.default(8),
  num_key_value_heads: widthSchema.default(4),
  head_dim: widthSchema.default(256),
  hidden_activation: z.enum(Object.keys(ACTIVATIONS)).default("gelu_pytorch_tanh"),
  tie_word_embeddings: z.boolean().default(true),
  attention_bias: z.boolean().default(false),
  query_pre_attn_scalar: z.number().positive().default(256),
  rope_theta: theta.default(1e6),
  rope_local_base_freq: theta.default(1e4),
  sliding_window: widthSchema.default(4096),
  sliding_window_pattern: pattern.nullish(),
  _sliding_window_pattern: pattern.nullish(),
  layer_types: z.array(layerType).nullish(),
  pad_token_id: tokenIdSchema.nullable().default(0),
  eos_token_id: tokenIdsSchema.nullable().default(1),
});

const GEMMA3_NAMES: DecoderNames = {
  ...LLAMA_NAMES,
  headNorms: ["self_attn.q_norm", "self_attn.k_norm"],
  attentionOutputNorm: "post_attention_layernorm",
  feedForwardNorm: "pre_feedforward_layernorm",
  feedForwardOutputNorm: "post_feedforward_layernorm",
};

/**
 * Reads a parsed config.json of Gemma 3's text models.
 *
 * @param path path of the file, for messages
 * @throws {UserError} naming the key that is missing or unsupported, and its value
 */
export function parseGemma3Config(json: JsonObject, path: string): DecoderConfig {
  const c = parseKeys(schema, json, path, "Temper trains Gemma 3's text models");
  checkConfigKeys(json, path, [DECODER_KEYS.gemma3_text, COMMON_KEYS, GENERATION_KEYS]);
  const type = layerTypes(c, path);
  const ropes = parseRopes(c, path);
  return {
    ...sharedConfig(c, path),
    ...headSizes(c, path),
    modelType: c.model_type,
    norm: { kind: "rms", eps: c.rms_norm_eps, weightOffset: 1 },
    activation: ACTIVATIONS[c.hidden_activation],
    biases: { heads: c.attention_bias, output: c.attention_bias, feedForward: false },
    layers: Array.from({ length: c.num_hidden_layers }, (_, layer): LayerAttention => ({
      scale: c.query_pre_attn_scalar ** -0.5,
      window: type(layer) === "sliding_attention" ? c.sliding_window : null,
      rope: ropes[type(layer)],
    })),
    embeddingScale: Math.sqrt(c.hidden_size),
    names: GEMMA3_NAMES,
  };
}

/** The type of each layer: of `layer_types`, or every n-th sees everything. */
function layerTypes(c: z.output<typeof schema>, path: string): (layer: number) => LayerType {
  const types = c.layer_types;
  checkLayerTypes(types, c.num_hidden_layers, path);
  if (types) return (layer) => types[layer];
  const every = c.sliding_window_pattern ?? c._sliding_window_pattern ?? 6;
  return (layer) => (layer + 1) % every === 0 ? "full_attention" : "sliding_attention";
}

/** Rotary positions of both types of layers; without transformers 5's own, only full ones are scaled. */
function parseRopes(c: z.output<typeof schema>, path: string): Record<LayerType, RopeConfig> {
  const own = c.rope_parameters;
  if (!own) {
    return {
      full_attention: parseRope(path, "rope_scaling", c.rope_scaling, c.rope_theta),
      sliding_attention: { theta: c.rope_local_base_freq, scaling: null },
    };
  }
  const read = (type: LayerType, theta: number) => {
    const settings = own[type];
    if (typeof settings === "object" && settings !== null) {
      return parseRope(path, "rope_parameters", settings as JsonObject, theta);
    }
    throw new UserError(
      `${path}: "rope_parameters" has no "${type}", expected one for each type of layer`,
    );
  };
  return {
    full_attention: read("full_attention", c.rope_theta),
    sliding_attention: read("sliding_attention", c.rope_local_base_freq),
  };
}
