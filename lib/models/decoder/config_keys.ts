import type { ConfigKeys } from "../../formats/config_keys.ts";

/** Keys that LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config and Gemma3TextConfig share. */
const SHARED: Required<Pick<ConfigKeys, "read" | "harmless" | "neutral">> = {
  read: [
    ...["vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "head_dim"],
    ...["num_attention_heads", "num_key_value_heads", "rms_norm_eps", "tie_word_embeddings"],
    ...["rope_theta", "rope_scaling", "rope_parameters", "pad_token_id", "eos_token_id"],
    // The length that the model was trained on; rotary positions go on beyond it.
    "max_position_embeddings",
  ],
  harmless: [
    // The same under other names.
    ...["model_max_length", "max_sequence_length"],
    // Dropout of the attention's weights, of training alone, which Temper leaves out, as T5's.
    "attention_dropout",
  ],
  neutral: { is_encoder_decoder: [false], partial_rotary_factor: [1] },
};

/** Keys of layers that see a window of the text, in Qwen's and Gemma's configs. */
const WINDOWS = ["sliding_window", "layer_types"];

/** Keys of each family's config.json, by `model_type`; beside them are those of every family. */
export const DECODER_KEYS = {
  llama: {
    ...SHARED,
    read: [...SHARED.read, "hidden_act", "attention_bias", "mlp_bias"],
    harmless: [
      ...SHARED.harmless,
      // The same product in slices, which sums in another order.
      "pretraining_tp",
      // A note of SmolLM's makers.
      "is_llama_config",
    ],
    neutral: { ...SHARED.neutral, rope_interleaved: [false] },
  },
  mistral: { ...SHARED, read: [...SHARED.read, "hidden_act", "sliding_window"] },
  qwen2: {
    ...SHARED,
    read: [...SHARED.read, "hidden_act", ...WINDOWS, "use_sliding_window", "max_window_layers"],
    neutral: { ...SHARED.neutral, use_mrope: [false] },
  },
  qwen3: {
    ...SHARED,
    read: [
      ...[...SHARED.read, "hidden_act", ...WINDOWS, "use_sliding_window", "max_window_layers"],
      "attention_bias",
    ],
  },
  gemma3_text: {
    ...SHARED,
    read: [
      ...[...SHARED.read, "hidden_activation", ...WINDOWS, "attention_bias"],
      ...["query_pre_attn_scalar", "rope_local_base_freq"],
      ...["sliding_window_pattern", "_sliding_window_pattern"],
    ],
    harmless: [
      ...SHARED.harmless,
      // Gemma 1's name of the activation, which Gemma 3 does not read.
      "hidden_act",
    ],
    neutral: {
      ...SHARED.neutral,
      attn_logit_softcapping: [],
      final_logit_softcapping: [],
      use_bidirectional_attention: [false],
    },
  },
  gpt2: {
    read: [
      ...["vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "n_inner"],
      ...["activation_function", "layer_norm_epsilon", "resid_pdrop", "embd_pdrop"],
      ...["scale_attn_weights", "scale_attn_by_inverse_layer_idx", "tie_word_embeddings"],
      ...["pad_token_id", "eos_token_id"],
    ],
    harmless: [
      // The same attention in another order of multiplications, against overflow in f16.
      "reorder_and_upcast_attn",
      // As Llama's.
      ...["attn_pdrop", "n_ctx", "model_max_length"],
      // Left in OpenAI's larger models, and read by nothing.
      ...["n_special", "predict_special_tokens"],
      // A head for multiple choice.
      ...["summary_type", "summary_use_proj", "summary_activation", "summary_proj_to_labels"],
      "summary_first_dropout",
    ],
    neutral: { is_encoder_decoder: [false] },
  },
} as const satisfies Record<string, ConfigKeys>;

/** Other names that transformers' GPT2Config has for its keys (its `attribute_map`). */
export const GPT2_ALIASES: Readonly<Record<string, string>> = {
  hidden_size: "n_embd",
  max_position_embeddings: "n_positions",
  num_attention_heads: "n_head",
  num_hidden_layers: "n_layer",
};
