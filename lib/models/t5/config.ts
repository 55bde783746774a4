import { z } from "../../packages/zod.ts";
import { UserError } from "../../errors.ts";
import { checkConfigKeys, COMMON_KEYS, GENERATION_KEYS } from "../../formats/config_keys.ts";
import type { JsonObject } from "../../formats/hf_config.ts";
import {
  checkTokenIds,
  dropoutSchema,
  epsilonSchema,
  layersSchema,
  parseKeys,
  resolveAliases,
  rowsSchema,
  tokenIdSchema,
  tokenIdsSchema,
  widthSchema,
} from "../config_schema.ts";
import { T5_ALIASES, T5_KEYS } from "./config_keys.ts";

type T5Activation = T5Config["activation"];

/** Names of transformers for the functions; some have several. */
const ACTIVATIONS: Readonly<Record<string, T5Activation>> = {
  relu: "relu",
  gelu: "gelu",
  gelu_python: "gelu",
  gelu_new: "gelu_new",
  gelu_fast: "gelu_new",
  gelu_pytorch_tanh: "gelu_new",
};

/** Values of `feed_forward_proj`. "gated-gelu" means gelu_new, for the sake of T5 v1.1's first files. */
const FEED_FORWARDS: Readonly<Record<string, { activation: T5Activation; gated: boolean }>> = {
  ...Object.fromEntries(
    Object.entries(ACTIVATIONS).flatMap(([name, activation]) => [
      [name, { activation, gated: false }],
      [`gated-${name}`, { activation, gated: true }],
    ]),
  ),
  "gated-gelu": { activation: "gelu_new", gated: true },
};

/** Keys of a T5 checkpoint's config.json that Temper reads; defaults are those of transformers' T5Config. */
const schema = z.object({
  model_type: z.literal("t5"),
  vocab_size: rowsSchema.default(32128),
  d_model: widthSchema.default(512),
  d_kv: widthSchema.default(64),
  d_ff: widthSchema.default(2048),
  num_layers: layersSchema.default(6),
  num_decoder_layers: layersSchema.nullish(),
  num_heads: widthSchema.default(8),
  // Half of them are of each direction, and half of those exact: with fewer none would be.
  relative_attention_num_buckets: z.int().min(4).max(2 ** 20).default(32),
  relative_attention_max_distance: z.int().positive().max(2 ** 30).default(128),
  dropout_rate: dropoutSchema.default(0.1),
  layer_norm_epsilon: epsilonSchema.default(1e-6),
  feed_forward_proj: z.enum(Object.keys(FEED_FORWARDS)).optional(),
  dense_act_fn: z.enum(Object.keys(ACTIVATIONS)).optional(),
  is_gated_act: z.boolean().optional(),
  tie_word_embeddings: z.boolean().default(true),
  scale_decoder_outputs: z.boolean().optional(),
  pad_token_id: tokenIdSchema.nullish(),
  eos_token_id: tokenIdsSchema.nullable().default(1),
  decoder_start_token_id: tokenIdSchema.nullish(),
});

/** Sizes and tokens of a T5 model (T5, T5 v1.1, FLAN-T5). */
export interface T5Config {
  /** Number of rows of the embedding; may exceed the tokenizer's pieces. */
  vocabSize: number;
  /** Width of the hidden states. */
  dModel: number;
  /** Width of one attention head. */
  dKv: number;
  /** Width inside the feed-forward layers. */
  dFf: number;
  /** Number of blocks of the encoder. */
  numLayers: number;
  /** Number of blocks of the decoder. */
  numDecoderLayers: number;
  /** Number of attention heads of a layer. */
  numHeads: number;
  /** Number of rows of the relative-bias table. */
  relativeAttentionNumBuckets: number;
  /** Distance in tokens beyond which all share the last bucket. */
  relativeAttentionMaxDistance: number;
  /** Probability of dropout, in passes that have it on. */
  dropoutRate: number;
  /** Added to the mean square in the RMS norms. */
  layerNormEpsilon: number;
  /** Function in the feed-forward layers: relu in v1.0, gelu_new in v1.1 and FLAN. */
  activation: "relu" | "gelu" | "gelu_new";
  /** Feed-forward: act(x W0ᵀ) · (x W1ᵀ), as in v1.1 and FLAN; else act(x Wᵀ). */
  gated: boolean;
  /** Name of the embedding in the checkpoint. */
  embedding: string;
  /** Uses the embedding as the LM head (v1.0). */
  tieWordEmbeddings: boolean;
  /** Scales the LM head's input by d_model^-½ (v1.0). */
  scaleDecoderOutputs: boolean;
  /** Id of `<pad>`. */
  padTokenId: number;
  /** Ids that end a sequence: that of `</s>`. */
  eosTokenIds: readonly number[];
  /** Id that the decoder's input starts with. */
  decoderStartTokenId: number;
}

/**
 * Reads a parsed config.json.
 *
 * @param path path of the file, for messages
 * @throws {UserError} naming the key that is missing or unsupported, and its value
 */
export function parseT5Config(json: JsonObject, path: string): T5Config {
  const own = resolveAliases(json, T5_ALIASES, path);
  const c = parseKeys(schema, own, path, "Temper trains T5, T5 v1.1 and FLAN-T5 models");
  checkConfigKeys(own, path, [T5_KEYS, COMMON_KEYS, GENERATION_KEYS]);
  const buckets = c.relative_attention_num_buckets;
  if (c.relative_attention_max_distance <= buckets / 2) {
    throw new UserError(
      `${path}: "relative_attention_max_distance" is ${c.relative_attention_max_distance}, expected more ` +
        `than half of "relative_attention_num_buckets", ${buckets}`,
    );
  }
  const padTokenId = c.pad_token_id ?? 0;
  const tokens = {
    pad_token_id: [padTokenId],
    eos_token_id: c.eos_token_id === null ? [] : [c.eos_token_id].flat(),
    decoder_start_token_id: [c.decoder_start_token_id ?? padTokenId],
  };
  for (const [key, ids] of Object.entries(tokens)) checkTokenIds(path, key, ids, c.vocab_size);
  return {
    vocabSize: c.vocab_size,
    dModel: c.d_model,
    dKv: c.d_kv,
    dFf: c.d_ff,
    numLayers: c.num_layers,
    numDecoderLayers: c.num_decoder_layers ?? c.num_layers,
    numHeads: c.num_heads,
    relativeAttentionNumBuckets: buckets,
    relativeAttentionMaxDistance: c.relative_attention_max_distance,
    dropoutRate: c.dropout_rate,
    layerNormEpsilon: c.layer_norm_epsilon,
    ...feedForward(c, path),
    embedding: "shared.weight",
    tieWordEmbeddings: c.tie_word_embeddings,
    // transformers 5 saves the one, and "tie_word_embeddings": true with it; 4 goes by the other.
    scaleDecoderOutputs: c.scale_decoder_outputs ?? c.tie_word_embeddings,
    padTokenId,
    eosTokenIds: [...new Set(tokens.eos_token_id)],
    decoderStartTokenId: tokens.decoder_start_token_id[0],
  };
}

/** Reads the three keys of the feed-forward layers, of which the last two follow from the first. */
function feedForward(
  { feed_forward_proj: name, dense_act_fn: act, is_gated_act: gated }: z.output<typeof schema>,
  path: string,
): Pick<T5Config, "activation" | "gated"> {
  const said = FEED_FORWARDS[name ?? "relu"];
  const given = {
    activation: act === undefined ? said.activation : ACTIVATIONS[act],
    gated: gated ?? said.gated,
  };
  if (name === undefined) return given;
  if (given.activation !== said.activation || given.gated !== said.gated) {
    const key = given.gated !== said.gated ? "is_gated_act" : "dense_act_fn";
    throw new UserError(
      `${path}: "${key}" is ${JSON.stringify(key === "is_gated_act" ? gated : act)}, which ` +
        `"feed_forward_proj" ${JSON.stringify(name)} contradicts: remove the one that is wrong`,
    );
  }
  return said;
}
