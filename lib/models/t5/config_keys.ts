import type { ConfigKeys } from "../../formats/config_keys.ts";

/** Other names that transformers' T5Config has for its keys (its `attribute_map`). */
export const T5_ALIASES: Readonly<Record<string, string>> = {
  hidden_size: "d_model",
  num_attention_heads: "num_heads",
  num_hidden_layers: "num_layers",
  head_dim: "d_kv",
};

/** Keys of a T5 config.json; beside them are those of every family. */
export const T5_KEYS: ConfigKeys = {
  read: [
    ...["vocab_size", "d_model", "d_kv", "d_ff", "num_layers", "num_decoder_layers", "num_heads"],
    ...["relative_attention_num_buckets", "relative_attention_max_distance", "dropout_rate"],
    ...["layer_norm_epsilon", "feed_forward_proj", "dense_act_fn", "is_gated_act"],
    ...["tie_word_embeddings", "scale_decoder_outputs"],
    ...["pad_token_id", "eos_token_id", "decoder_start_token_id"],
    ...Object.keys(T5_ALIASES),
  ],
  harmless: [
    // Lengths that T5, which has no absolute positions, never reads.
    ...["n_positions", "n_ctx", "max_position_embeddings", "model_max_length"],
  ],
  neutral: { is_encoder_decoder: [true] },
};
