import { z } from "../../packages/zod.ts";
import { UserError } from "../../errors.ts";

const size = z.int().positive();

/** Keys of a T5 checkpoint's config.json that Temper reads; defaults are those of transformers' T5Config. */
const schema = z.object({
  model_type: z.literal("t5"),
  vocab_size: size.default(32128),
  d_model: size.default(512),
  d_kv: size.default(64),
  d_ff: size.default(2048),
  num_layers: size.default(6),
  num_decoder_layers: size.nullish(),
  num_heads: size.default(8),
  relative_attention_num_buckets: size.default(32),
  relative_attention_max_distance: size.default(128),
  dropout_rate: z.number().min(0).lt(1).default(0.1),
  layer_norm_epsilon: z.number().positive().default(1e-6),
  feed_forward_proj: z.enum(["relu", "gated-gelu"]).default("relu"),
  tie_word_embeddings: z.boolean().default(true),
  pad_token_id: z.int().nonnegative().default(0),
  eos_token_id: z.int().nonnegative().default(1),
  decoder_start_token_id: z.int().nonnegative().default(0),
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
  /** Feed-forward: relu in v1.0, gelu_new(x W0ᵀ) · (x W1ᵀ) in v1.1 and FLAN. */
  feedForwardProj: "relu" | "gated-gelu";
  /** Uses the embedding as the LM head (v1.0), with its input scaled by d_model^-½. */
  tieWordEmbeddings: boolean;
  /** Id of `<pad>`. */
  padTokenId: number;
  /** Id of `</s>`, which ends a sequence. */
  eosTokenId: number;
  /** Id that the decoder's input starts with. */
  decoderStartTokenId: number;
}

/**
 * Reads a parsed config.json.
 *
 * @param path path of the file, for messages
 * @throws {UserError} naming the key that is missing or unsupported, and its value
 */
export function parseT5Config(json: unknown, path: string): T5Config {
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const key = issue.path.join(".");
    const found = JSON.stringify((json as Record<string, unknown> | null)?.[key]) ?? "missing";
    throw new UserError(
      `${path}: "${key}" is ${found}: ${issue.message}; Temper trains T5, T5 v1.1 and FLAN-T5 models`,
    );
  }
  const c = parsed.data;
  return {
    vocabSize: c.vocab_size,
    dModel: c.d_model,
    dKv: c.d_kv,
    dFf: c.d_ff,
    numLayers: c.num_layers,
    numDecoderLayers: c.num_decoder_layers ?? c.num_layers,
    numHeads: c.num_heads,
    relativeAttentionNumBuckets: c.relative_attention_num_buckets,
    relativeAttentionMaxDistance: c.relative_attention_max_distance,
    dropoutRate: c.dropout_rate,
    layerNormEpsilon: c.layer_norm_epsilon,
    feedForwardProj: c.feed_forward_proj,
    tieWordEmbeddings: c.tie_word_embeddings,
    padTokenId: c.pad_token_id,
    eosTokenId: c.eos_token_id,
    decoderStartTokenId: c.decoder_start_token_id,
  };
}
