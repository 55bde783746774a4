import { UserError } from "../../errors.ts";
import type { JsonObject } from "../../formats/hf_config.ts";
import type { ModelFamily } from "../family.ts";
import { checkDecoderTensors, decoderLayout, followDecoderWeights } from "./checkpoint.ts";
import type { DecoderConfig } from "./config.ts";
import { DecoderForCausalLM } from "./decoder.ts";
import { parseGemma3Config } from "./gemma3_config.ts";
import { parseGpt2Config } from "./gpt2_config.ts";
import { parseLlamaConfig } from "./llama_config.ts";

/** Reader of the config.json of each `model_type`. */
const PARSERS: Readonly<Record<string, (json: JsonObject, path: string) => DecoderConfig>> = {
  llama: parseLlamaConfig,
  mistral: parseLlamaConfig,
  qwen2: parseLlamaConfig,
  qwen3: parseLlamaConfig,
  gemma3_text: parseGemma3Config,
  gpt2: parseGpt2Config,
};

/** Values of `model_type` that {@linkcode parseDecoderConfig} knows. */
export const DECODER_TYPES: readonly string[] = Object.keys(PARSERS);

/** Decoder-only models, by the `model_type` of their config.json. */
export const decoderFamilies: readonly ModelFamily<DecoderForCausalLM>[] = Object
  .entries(PARSERS).map(([modelType, parse]) => ({
    modelType,
    configure(json, path, weights) {
      const parsed = parse(json, path);
      const config = weights ? followDecoderWeights(parsed, weights) : parsed;
      if (weights) checkDecoderTensors(config, weights, path);
      return (device, store) => new DecoderForCausalLM(device, config, store);
    },
    layout: (json, path, weights) =>
      decoderLayout(followDecoderWeights(parse(json, path), weights)),
  }));

/**
 * Reads the config.json of a decoder-only model.
 *
 * @param path path of the file, for messages
 * @throws {UserError} when its `model_type` is another one, or a key is missing or not supported
 */
export function parseDecoderConfig(json: JsonObject, path: string): DecoderConfig {
  const parse = PARSERS[String(json.model_type)];
  if (parse) return parse(json, path);
  throw new UserError(
    `${path}: "model_type" is ${JSON.stringify(json.model_type)}, expected one of ${
      Object.keys(PARSERS).join(", ")
    }`,
  );
}
