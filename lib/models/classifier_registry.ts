import { UserError } from "../errors.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import { initializerRange } from "./classifier_config.ts";
import type { ConfiguredClassifier } from "./classifier_model.ts";
import { configureDecoderClassifier } from "./decoder/classifier.ts";
import { DECODER_TYPES } from "./decoder/families.ts";
import { EncoderClassifier, encoderHead } from "./encoder_classifier.ts";
import { ENCODER_TYPES, parseEncoderConfig } from "./encoder_config.ts";
import { configureT5Classifier, T5_TYPE } from "./t5/classifier.ts";

/** Values of `model_type` of classifiers that Temper computes. */
export const CLASSIFIER_TYPES: readonly string[] = [
  ...ENCODER_TYPES,
  ...DECODER_TYPES,
  T5_TYPE,
];

/**
 * Checks a classifier's config.json, before any weight is read.
 *
 * @param path path of the file, for messages
 * @throws {UserError} when it is not of a known classifier, or a value is not supported
 */
export function configureClassifier(json: JsonObject, path: string): ConfiguredClassifier {
  const type = String(json.model_type);
  if (DECODER_TYPES.includes(type)) return configureDecoderClassifier(json, path);
  if (type === T5_TYPE) return configureT5Classifier(json, path);
  if (!ENCODER_TYPES.includes(type)) {
    throw new UserError(
      `${path}: "model_type" is ${JSON.stringify(json.model_type) ?? "missing"}, expected one of ${
        CLASSIFIER_TYPES.join(", ")
      }; a classifier of another type can be used in ONNX form, named as onnx:FOLDER`,
    );
  }
  const config = parseEncoderConfig(json, path);
  return {
    head: encoderHead(config),
    headStd: initializerRange(json, path),
    configure: () => (device, store) => new EncoderClassifier(device, config, store),
  };
}
