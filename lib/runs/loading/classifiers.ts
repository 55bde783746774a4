import { isThere } from "../../platform/files.ts";
import { join } from "../../platform/paths.ts";
import type { Device } from "../../device/device.ts";
import { UserError } from "../../errors.ts";
import { readJsonIfThere } from "../../formats/hf_config.ts";
import type { DownloadHooks } from "../../hub/download.ts";
import { CLASSIFIER_TYPES } from "../../models/classifier_registry.ts";
import { SequenceClassifier } from "../../models/sequence_classifier.ts";
import { findOnnxModel, OnnxClassifier } from "../../rewards/onnx_classifier.ts";
import { PipelineClassifier } from "../../rewards/pipeline_classifier.ts";
import type { TextClassifier } from "../../rewards/text_classifier.ts";
import { locate } from "./locate.ts";

/** Weights that our own kernels can run. */
const WEIGHT_FILES = [
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
];

/**
 * Loads the classifier that a setting names, by its folder or by its name on the Hub: `onnx:NAME`
 * runs its onnx/model.onnx, `pipeline:NAME` is transformers.js, and a name by itself runs on our own
 * kernels where it has weights of a known type, else on its ONNX model. A PEFT adapter runs on the
 * model that its adapter_config.json names.
 *
 * @throws {UserError} when it is missing, broken or of no use
 */
export async function loadClassifier(
  device: Device,
  name: string,
  hooks: DownloadHooks = {},
): Promise<TextClassifier> {
  const { kind, folder } = await locateClassifier(name, hooks);
  if (kind === "pipeline") return await PipelineClassifier.load(folder);
  if (kind === "onnx") return await OnnxClassifier.load(folder);
  if (await findOnnxModel(folder) && !await hasKnownWeights(folder)) {
    return await OnnxClassifier.load(folder);
  }
  const base = await locateBase(folder, hooks);
  return base === null
    ? await SequenceClassifier.load(device, folder)
    : await SequenceClassifier.load(device, base, { adapter: folder });
}

/** Finds the model of an adapter; null for a folder with a model of its own. @throws {UserError} */
async function locateBase(folder: string, hooks: DownloadHooks): Promise<string | null> {
  if (isThere(join(folder, "config.json"))) return null;
  const config = await readJsonIfThere(folder, "adapter_config.json");
  if (config === null) return null;
  const base = config.base_model_name_or_path;
  if (typeof base !== "string" || base === "") {
    throw new UserError(
      `${join(folder, "adapter_config.json")}: "base_model_name_or_path" is ${
        JSON.stringify(base) ?? "missing"
      }, expected the classifier that the adapter is for`,
    );
  }
  try {
    return await locate("model", base, hooks);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(
      `${folder} is an adapter for the model ${JSON.stringify(base)}: ${error.message}`,
      { cause: error },
    );
  }
}

/**
 * Finds the classifier that a setting names, as {@linkcode loadClassifier} does.
 *
 * @returns its folder, and the kind that the name asks for; null where it leaves that open
 * @throws {UserError} as {@linkcode locate}
 */
export async function locateClassifier(
  name: string,
  hooks: DownloadHooks,
): Promise<{ kind: "onnx" | "pipeline" | null; folder: string }> {
  const [, kind, rest] = /^(onnx|pipeline):(.+)$/s.exec(name) ?? [];
  if (kind === undefined) return { kind: null, folder: await locate("model", name, hooks) };
  return { kind: kind as "onnx" | "pipeline", folder: await locate("onnx", rest, hooks) };
}

async function hasKnownWeights(folder: string): Promise<boolean> {
  if (!WEIGHT_FILES.some((file) => isThere(join(folder, file)))) return false;
  const config = await readJsonIfThere(folder, "config.json");
  return CLASSIFIER_TYPES.includes(String(config?.model_type));
}
