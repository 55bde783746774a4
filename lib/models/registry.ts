import type { Device } from "../device/device.ts";
import { UserError } from "../errors.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import type { ModelFiles } from "../formats/model_files.ts";
import {
  type CheckpointLayout,
  loadModel,
  type LoadOptions,
  type ModelFamily,
  PLAIN_LAYOUT,
} from "./family.ts";
import type { LanguageModel } from "./language_model.ts";
import { decoderFamilies } from "./decoder/families.ts";
import { t5Family } from "./t5/t5.ts";
import type { CheckpointTensors } from "./weight_store.ts";

const families = new Map<string, ModelFamily>();

/**
 * Makes a family of models known: from then on every command and function that loads a model loads
 * those of this `model_type`.
 *
 * @throws {RangeError} when there is a family of this `model_type` already
 */
export function registerModelFamily(family: ModelFamily): void {
  const { modelType } = family;
  if (families.has(modelType)) throw new RangeError(`the model type "${modelType}" is taken`);
  families.set(modelType, family);
}

for (const family of [t5Family, ...decoderFamilies]) registerModelFamily(family);

/**
 * The family of a model.
 *
 * @param path path of the config.json, for messages
 * @throws {UserError} naming the `model_type` and those that are known
 */
export function modelFamily(config: JsonObject, path: string): ModelFamily {
  const type = config.model_type;
  const family = typeof type === "string" ? families.get(type) : undefined;
  if (family) return family;
  throw new UserError(
    `${path}: "model_type" is ${JSON.stringify(type) ?? "missing"}, expected one of ${
      [...families.keys()].join(", ")
    }`,
  );
}

/**
 * Tells where a checkpoint has the layers of a model. Of a type that is not registered, such as a
 * classifier's, it has each under its own name.
 *
 * @param path path of the config.json, for messages
 * @throws {UserError} when config.json is not one of its family
 */
export function checkpointLayout(
  config: JsonObject,
  path: string,
  weights: CheckpointTensors,
): CheckpointLayout {
  const family = families.get(String(config.model_type));
  return family?.layout?.(config, path, weights) ?? PLAIN_LAYOUT;
}

/**
 * Loads a model for generating, and for training an adapter on it: config.json and the weights
 * (safetensors or PyTorch's .bin, in one file or several), which are frozen.
 *
 * @param source a folder's path, or files
 * @throws {UserError} when a file is missing or broken, or the model's type is not known
 * @throws {OutOfMemoryError} when the weights do not fit
 */
export function loadLanguageModel(
  device: Device,
  source: string | ModelFiles,
  options: LoadOptions = {},
): Promise<LanguageModel> {
  return loadModel(device, source, options, modelFamily);
}
