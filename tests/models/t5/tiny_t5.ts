import type { Device } from "../../../lib/device/device.ts";
import { T5ForConditionalGeneration } from "../../../lib/models/t5/t5.ts";
import { parseT5Config, type T5Config } from "../../../lib/models/t5/config.ts";
import { FrozenStore } from "../../../lib/models/weight_store.ts";
import { TinyWeights } from "../tiny_weights.ts";

/** A T5 of sizes that nothing divides, the decoder not as deep as the encoder. */
export function tinyConfig(version: "v1.0" | "v1.1"): T5Config {
  const v11 = { feed_forward_proj: "gated-gelu", tie_word_embeddings: false };
  return parseT5Config({
    model_type: "t5",
    ...{ vocab_size: 37, d_model: 10, d_kv: 3, num_heads: 3, d_ff: 13 },
    ...{ num_layers: 3, num_decoder_layers: 2 },
    ...{ relative_attention_num_buckets: 8, relative_attention_max_distance: 20 },
    ...version === "v1.1" ? v11 : {},
  }, "config.json");
}

/** A frozen tiny T5. */
export function tinyT5(
  device: Device,
  config: T5Config,
  { weights = new TinyWeights(), dtype = "f32" as "f32" | "bf16" } = {},
): T5ForConditionalGeneration {
  return new T5ForConditionalGeneration(device, config, new FrozenStore(device, weights, dtype));
}
