import type { JsonObject } from "../formats/hf_config.ts";
import type { ClassifierConfigurer } from "./classifier_model.ts";
import { EncoderClassifier } from "./encoder_classifier.ts";
import { parseEncoderConfig } from "./encoder_config.ts";

/**
 * Checks a classifier's config.json, before any weight is read.
 *
 * @param path path of the file, for messages
 * @throws {UserError} when it is not of a known classifier, or a value is not supported
 */
export function configureClassifier(json: JsonObject, path: string): ClassifierConfigurer {
  const config = parseEncoderConfig(json, path);
  return () => (_device, store) => new EncoderClassifier(config, store);
}
