import { UserError } from "../errors.ts";
import type { JsonObject } from "../formats/hf_config.ts";

/**
 * The error of a config.json whose `model_type` is not known, which is a run's where it has a run's
 * `kind`.
 *
 * @param path path of the config.json
 * @param known values that are known
 */
export function unknownModelType(config: JsonObject, path: string, known: string): UserError {
  const { model_type: type, kind } = config;
  if (type === undefined && typeof kind === "string") {
    return new UserError(
      `${path} has a run's settings, not a model's: give the folder model/ of a run, ` +
        "or its adapter/ with the model that it was trained on",
    );
  }
  return new UserError(
    `${path}: "model_type" is ${JSON.stringify(type) ?? "missing"}, expected one of ${known}`,
  );
}
