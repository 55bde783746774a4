import type { JsonObject } from "../lib/formats/hf_config.ts";
import MODEL_CONFIGS from "./model_configs.json" with { type: "json" };

/** Name of a shape. */
export type DecoderShape =
  | "tiny"
  | "smollm2-135m"
  | "qwen2.5-0.5b"
  | "qwen3-0.6b"
  | "llama-3.2-1b"
  | "gemma-3-270m";

/** config.json of published decoder-only models; tiny is no model's. */
export const DECODER_SHAPES: Readonly<Record<DecoderShape, JsonObject>> = {
  "tiny": {
    model_type: "llama",
    hidden_act: "silu",
    tie_word_embeddings: true,
    vocab_size: 500,
    hidden_size: 48,
    intermediate_size: 96,
    num_hidden_layers: 2,
    num_attention_heads: 3,
    num_key_value_heads: 1,
    max_position_embeddings: 512,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
  },
  "smollm2-135m": MODEL_CONFIGS["smollm2-135m"],
  "qwen2.5-0.5b": MODEL_CONFIGS["qwen2.5-0.5b"],
  "qwen3-0.6b": MODEL_CONFIGS["qwen3-0.6b"],
  "llama-3.2-1b": MODEL_CONFIGS["llama-3.2-1b"],
  "gemma-3-270m": MODEL_CONFIGS["gemma-3-270m"],
};
