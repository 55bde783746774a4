import { z } from "../../packages/zod.ts";
import { UserError } from "../../errors.ts";
import type { ActivationKind } from "../../../kernels/activation/activation.ts";
import { checkConfigKeys, COMMON_KEYS, GENERATION_KEYS } from "../../formats/config_keys.ts";
import type { JsonObject } from "../../formats/hf_config.ts";
import {
  checkTokenIds,
  epsilonSchema,
  layersSchema,
  padTokenIn,
  parseKeys,
  rowsSchema,
  tokenIdSchema,
  tokenIdsSchema,
  widthSchema,
} from "../config_schema.ts";
import type { DecoderConfig, DecoderNames, LayerAttention } from "./config.ts";
import { DECODER_KEYS } from "./config_keys.ts";
import { parseRope, type RopeConfig } from "./rope.ts";

/** Names of transformers for the functions; some have several. */
export const ACTIVATIONS: Readonly<Record<string, ActivationKind>> = {
  silu: "silu",
  swish: "silu",
  relu: "relu",
  gelu: "gelu",
  gelu_python: "gelu",
  gelu_new: "gelu_new",
  gelu_fast: "gelu_new",
  gelu_pytorch_tanh: "gelu_new",
  tanh: "tanh",
};

const settings = z.record(z.string(), z.unknown()).nullish();

/** Keys that the families share; defaults are those of transformers' LlamaConfig. */
export const sharedSchema = z.object({
  vocab_size: rowsSchema.default(32000),
  hidden_size: widthSchema.default(4096),
  intermediate_size: widthSchema.default(11008),
  num_hidden_layers: layersSchema.default(32),
  num_attention_heads: widthSchema.default(32),
  num_key_value_heads: widthSchema.nullish(),
  head_dim: widthSchema.nullish(),
  max_position_embeddings: z.int().positive().nullish(),
  rms_norm_eps: epsilonSchema.default(1e-6),
  tie_word_embeddings: z.boolean().default(false),
  rope_theta: z.number().positive().nullish(),
  rope_scaling: settings,
  rope_parameters: settings,
  pad_token_id: tokenIdSchema.nullish(),
  eos_token_id: tokenIdsSchema.nullish(),
});

const hiddenAct = z.enum(Object.keys(ACTIVATIONS)).default("silu");
const windows = {
  sliding_window: widthSchema.nullish().default(4096),
  use_sliding_window: z.boolean().default(false),
  max_window_layers: z.int().nonnegative().default(28),
  layer_types: z.array(z.enum(["full_attention", "sliding_attention"])).nullish(),
};

/** Keys of each family, with its defaults where they are others. */
const schema = z.discriminatedUnion("model_type", [
  sharedSchema.extend({
    model_type: z.literal("llama"),
    hidden_act: hiddenAct,
    attention_bias: z.boolean().default(false),
    mlp_bias: z.boolean().default(false),
    eos_token_id: tokenIdsSchema.nullable().default(2),
  }),
  sharedSchema.extend({
    model_type: z.literal("mistral"),
    hidden_act: hiddenAct,
    intermediate_size: widthSchema.default(14336),
    num_key_value_heads: widthSchema.nullable().default(8),
    sliding_window: widthSchema.nullable().default(4096),
    eos_token_id: tokenIdsSchema.nullable().default(2),
  }),
  sharedSchema.extend({
    model_type: z.literal("qwen2"),
    hidden_act: hiddenAct,
    vocab_size: rowsSchema.default(151936),
    intermediate_size: widthSchema.default(22016),
    num_key_value_heads: widthSchema.nullable().default(32),
    ...windows,
  }),
  sharedSchema.extend({
    model_type: z.literal("qwen3"),
    hidden_act: hiddenAct,
    vocab_size: rowsSchema.default(151936),
    intermediate_size: widthSchema.default(22016),
    num_key_value_heads: widthSchema.nullable().default(32),
    head_dim: widthSchema.nullable().default(128),
    attention_bias: z.boolean().default(false),
    ...windows,
  }),
]);

/** Names of the tensors of Llama and its relatives. */
export const LLAMA_NAMES: DecoderNames = {
  base: "model.",
  embedding: "embed_tokens",
  positions: null,
  layers: "layers",
  finalNorm: "norm",
  attentionNorm: "input_layernorm",
  attentionOutputNorm: null,
  heads: ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
  output: "self_attn.o_proj",
  headNorms: null,
  feedForwardNorm: "post_attention_layernorm",
  feedForwardOutputNorm: null,
  inner: "mlp.gate_proj",
  gate: "mlp.up_proj",
  outer: "mlp.down_proj",
  // Frequencies, which transformers before 4.32 saved.
  ignored: /\.rotary_emb\.inv_freq$/,
};

/**
 * Reads a parsed config.json of Llama, Mistral, Qwen2 (and 2.5) or Qwen3.
 *
 * @param path path of the file, for messages
 * @throws {UserError} naming the key that is missing or unsupported, and its value
 */
export function parseLlamaConfig(json: JsonObject, path: string): DecoderConfig {
  const c = parseKeys(schema, json, path, "Temper trains Llama, Mistral, Qwen2 and Qwen3 models");
  const type = c.model_type;
  checkConfigKeys(json, path, [DECODER_KEYS[type], COMMON_KEYS, GENERATION_KEYS]);
  const rope = parseOneRope(c, path, 10000);
  const sizes = headSizes(c, path);
  const window = layerWindows(c, path);
  const scale = sizes.headSize ** -0.5;
  return {
    ...sharedConfig(c, path),
    ...sizes,
    modelType: type,
    norm: { kind: "rms", eps: c.rms_norm_eps, weightOffset: 0 },
    activation: ACTIVATIONS[c.hidden_act],
    biases: {
      heads: type === "qwen2" || type !== "mistral" && c.attention_bias,
      output: type !== "qwen2" && type !== "mistral" && c.attention_bias,
      feedForward: type === "llama" && c.mlp_bias,
    },
    layers: Array.from(
      { length: c.num_hidden_layers },
      (_, layer): LayerAttention => ({ scale, window: window(layer), rope }),
    ),
    embeddingScale: 1,
    names: type === "qwen3"
      ? { ...LLAMA_NAMES, headNorms: ["self_attn.q_norm", "self_attn.k_norm"] }
      : LLAMA_NAMES,
  };
}

/** The window of each layer. */
function layerWindows(
  c: z.output<typeof schema>,
  path: string,
): (layer: number) => number | null {
  if (c.model_type === "llama") return () => null;
  const { sliding_window: window } = c;
  if (c.model_type === "mistral") return () => window;
  const types = c.layer_types;
  checkLayerTypes(types, c.num_hidden_layers, path);
  if (!c.use_sliding_window || window === null || window === undefined) {
    // transformers 5 keeps to layer_types, which then must say the same.
    if (types?.includes("sliding_attention")) {
      throw new UserError(
        `${path}: "layer_types" has "sliding_attention", which "use_sliding_window" false contradicts`,
      );
    }
    return () => null;
  }
  const isWindowed = (layer: number) =>
    types ? types[layer] === "sliding_attention" : layer >= c.max_window_layers;
  return (layer) => isWindowed(layer) ? window : null;
}

/** @throws {UserError} when there is not one type for each layer */
export function checkLayerTypes(
  types: readonly string[] | null | undefined,
  layers: number,
  path: string,
): void {
  if (!types || types.length === layers) return;
  throw new UserError(
    `${path}: "layer_types" has ${types.length} entries, expected one for each of the ` +
      `${layers} layers of "num_hidden_layers"`,
  );
}

/** The rotary positions of all layers. */
function parseOneRope(c: z.output<typeof sharedSchema>, path: string, theta: number): RopeConfig {
  const base = c.rope_theta ?? theta;
  return c.rope_parameters
    ? parseRope(path, "rope_parameters", c.rope_parameters, base)
    : parseRope(path, "rope_scaling", c.rope_scaling, base);
}

/** Heads and their size. */
export function headSizes(
  c: z.output<typeof sharedSchema>,
  path: string,
): Pick<DecoderConfig, "heads" | "keyHeads" | "headSize"> {
  const heads = c.num_attention_heads;
  const keyHeads = c.num_key_value_heads ?? heads;
  const headSize = c.head_dim ?? c.hidden_size / heads;
  if (heads % keyHeads !== 0) {
    throw new UserError(
      `${path}: "num_attention_heads" is ${heads}, expected a multiple of ` +
        `"num_key_value_heads", ${keyHeads}`,
    );
  }
  if (!Number.isInteger(headSize)) {
    throw new UserError(
      `${path}: "hidden_size" is ${c.hidden_size}, expected a multiple of ` +
        `"num_attention_heads", ${heads}, or a "head_dim"`,
    );
  }
  if (headSize % 2 !== 0) {
    throw new UserError(
      `${path}: a head has ${headSize} columns, expected an even number, which rotary positions ` +
        "take in pairs",
    );
  }
  return { heads, keyHeads, headSize };
}

/** Sizes and tokens that every family has under the same keys. */
export function sharedConfig(c: z.output<typeof sharedSchema>, path: string) {
  const eosTokenIds = [...new Set([c.eos_token_id ?? []].flat())];
  checkTokenIds(path, "eos_token_id", eosTokenIds, c.vocab_size);
  return {
    vocabSize: c.vocab_size,
    hiddenSize: c.hidden_size,
    innerSize: c.intermediate_size,
    positions: null,
    trainedLength: c.max_position_embeddings ?? null,
    transposed: false,
    tied: c.tie_word_embeddings,
    dropout: { embedding: 0, residual: 0 },
    storedBase: LLAMA_NAMES.base,
    padTokenId: padTokenIn(c.pad_token_id, c.vocab_size),
    trainsPadding: false,
    eosTokenIds,
  } satisfies Partial<DecoderConfig>;
}
