import type { Device } from "../../../lib/device/device.ts";
import type { JsonObject } from "../../../lib/formats/hf_config.ts";
import type { DecoderConfig } from "../../../lib/models/decoder/config.ts";
import { DecoderForCausalLM } from "../../../lib/models/decoder/decoder.ts";
import { parseDecoderConfig } from "../../../lib/models/decoder/families.ts";
import { FrozenStore, TrainableStore } from "../../../lib/models/weight_store.ts";
import { Parameters } from "../../../lib/nn/parameters.ts";
import { TinyWeights } from "../tiny_weights.ts";

const SIZES = {
  vocab_size: 37,
  hidden_size: 10,
  intermediate_size: 13,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 6,
  eos_token_id: 1,
};

/** config.json of tiny models, of sizes that little divides, with everything that each family has. */
export const TINY_CONFIGS: Readonly<Record<string, JsonObject>> = {
  llama: {
    ...{ model_type: "llama", ...SIZES, attention_bias: true, mlp_bias: true },
    rope_scaling: {
      rope_type: "llama3",
      factor: 4,
      low_freq_factor: 1,
      high_freq_factor: 3,
      original_max_position_embeddings: 40,
    },
  },
  mistral: { model_type: "mistral", ...SIZES, sliding_window: 5, tie_word_embeddings: true },
  qwen2: {
    ...{ model_type: "qwen2", ...SIZES, head_dim: null, hidden_size: 24, num_key_value_heads: 1 },
    ...{ use_sliding_window: true, sliding_window: 7, max_window_layers: 1 },
  },
  // Heads of a multiple of four, which a GPU reads in fours.
  qwen3: {
    ...{ model_type: "qwen3", ...SIZES, head_dim: 8, rope_theta: 1e6 },
    tie_word_embeddings: true,
  },
  gemma3_text: {
    ...{ model_type: "gemma3_text", ...SIZES, head_dim: 4, query_pre_attn_scalar: 11 },
    ...{ sliding_window: 33, sliding_window_pattern: 2, pad_token_id: null },
    rope_scaling: { rope_type: "linear", factor: 2 },
  },
  gpt2: {
    ...{ model_type: "gpt2", vocab_size: 37, n_positions: 130, n_embd: 12, n_layer: 3, n_head: 3 },
    ...{ n_inner: 13, eos_token_id: 1, scale_attn_by_inverse_layer_idx: true },
  },
};

export function tinyDecoderConfig(family: string): DecoderConfig {
  return parseDecoderConfig(TINY_CONFIGS[family], "config.json");
}

/** A frozen tiny model. */
export function tinyDecoder(
  device: Device,
  config: DecoderConfig,
  { weights = new TinyWeights(), dtype = "f32" as "f32" | "bf16" } = {},
): DecoderForCausalLM {
  return new DecoderForCausalLM(device, config, new FrozenStore(device, weights, dtype));
}

/** A tiny model of which all weights are trained. */
export function trainableDecoder(
  device: Device,
  config: DecoderConfig,
  weights: TinyWeights,
): { model: DecoderForCausalLM; parameters: Parameters } {
  tinyDecoder(device, config, { weights }); // asks for every weight
  const specs = [...weights.shapes].map(([name, shape]) => ({ name, shape }));
  const parameters = Parameters.create(device, specs, { trainable: true });
  for (const [name, values] of weights.values) parameters.write(name, Float32Array.from(values));
  const model = new DecoderForCausalLM(device, config, new TrainableStore(parameters));
  return { model, parameters };
}
