import type { Device } from "../../../lib/device/device.ts";
import { T5ForConditionalGeneration } from "../../../lib/models/t5/t5.ts";
import { parseT5Config, type T5Config } from "../../../lib/models/t5/config.ts";
import { FrozenStore, type WeightSource } from "../../../lib/models/weight_store.ts";
import { Random } from "../../../lib/random.ts";
import { fromBf16, randomValues, toBf16 } from "../../reference/check.ts";

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

/** Random weights that bf16 represents exactly, kept on the host by name. */
export class TinyWeights implements WeightSource {
  readonly values = new Map<string, Float64Array>();
  readonly shapes = new Map<string, readonly number[]>();
  readonly #random = new Random(11);

  has(): boolean {
    return true;
  }

  read(
    name: string,
    shape: readonly number[],
    first = 0,
    count: number = shape[0],
  ): Float32Array<ArrayBuffer> {
    const length = shape.reduce((a, b) => a * b);
    if (!this.values.has(name)) {
      this.values.set(name, fromBf16(toBf16(randomValues(this.#random, length))));
      this.shapes.set(name, shape);
    }
    const width = length / shape[0];
    const values = this.values.get(name)!;
    return Float32Array.from(values.subarray(first * width, (first + count) * width));
  }
}

/** A frozen tiny T5. */
export function tinyT5(
  device: Device,
  config: T5Config,
  { weights = new TinyWeights(), dtype = "f32" as "f32" | "bf16" } = {},
): T5ForConditionalGeneration {
  return new T5ForConditionalGeneration(device, config, new FrozenStore(device, weights, dtype));
}
