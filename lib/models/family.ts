import type { Device } from "../device/device.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import { type ModelFiles, modelFiles } from "../formats/model_files.ts";
import { withGenerationTokens } from "./generation_file.ts";
import type { LanguageModel } from "./language_model.ts";
import { checkWeights } from "./outline.ts";
import {
  CheckpointSource,
  type CheckpointTensors,
  FrozenStore,
  type WeightStore,
} from "./weight_store.ts";

/** Models that one class computes, known by the `model_type` of their config.json. */
export interface ModelFamily<Model extends LanguageModel = LanguageModel> {
  /** `model_type` of config.json, as "t5". */
  readonly modelType: string;
  /**
   * Checks config.json before any weight is read.
   *
   * @param path path of the file, for messages
   * @param weights tensors of the checkpoint, for what config.json leaves open or has wrong; none for
   *   a model of random weights
   * @returns builder of the model, which asks a store for each weight under its name in the
   *   checkpoint, always in the same order
   * @throws {UserError} when a key is missing, or its value is not supported
   */
  configure(config: JsonObject, path: string, weights?: CheckpointTensors): ModelBuilder<Model>;
  /**
   * Tells where a checkpoint has the layers of a model, for tools that build none; default
   * {@linkcode PLAIN_LAYOUT}.
   *
   * @throws {UserError} as `configure`
   */
  layout?(config: JsonObject, path: string, weights: CheckpointTensors): CheckpointLayout;
}

/** Places of a model's layers in a checkpoint. */
export interface CheckpointLayout {
  /** Tensors that repeat others, such as a tied head; safetensors leave them out. */
  readonly repeated: readonly string[];
  /**
   * Weight of a linear layer.
   *
   * @param module name of the layer, PEFT's
   */
  weight(module: string): {
    /** Name of the tensor. */
    readonly name: string;
    /** True where it is [in, out]; else it is [out, in]. */
    readonly fanInFanOut: boolean;
  };
  /**
   * Name of a checkpoint's tensor in a classifier that is made from the model; null for one that a
   * classifier does not have. By default the same name.
   */
  inClassifier?(name: string): string | null;
}

/** Layout of a checkpoint that has each layer under its own name, once. */
export const PLAIN_LAYOUT: CheckpointLayout = {
  repeated: [],
  weight: (module) => ({ name: `${module}.weight`, fanInFanOut: false }),
};

/** Builds a model from its weights. */
export type ModelBuilder<Model extends LanguageModel = LanguageModel> = (
  device: Device,
  store: WeightStore,
) => Model;

/** Options of loading a model. */
export interface LoadOptions {
  /** Type that matrices are stored in; arithmetic is f32 either way. Default "f32". */
  dtype?: "f32" | "bf16";
}

/** Loads a model of the family that `choose` picks, with frozen weights. */
export async function loadModel<Model extends LanguageModel>(
  device: Device,
  source: string | ModelFiles,
  { dtype = "f32" }: LoadOptions,
  choose: (config: JsonObject, path: string) => ModelFamily<Model>,
): Promise<Model> {
  const files = modelFiles(source);
  const configure = await readConfig(files, choose);
  using weights = await CheckpointSource.open(files);
  const build = configure(weights);
  checkWeights(device, build, weights, dtype);
  return FrozenStore.build(device, weights, dtype, (store) => build(device, store));
}

/**
 * Reads config.json, and generation_config.json's end tokens, and finds its family; the checkpoint's
 * tensors make a builder of both.
 */
export async function readConfig<Model extends LanguageModel>(
  files: ModelFiles,
  choose: (config: JsonObject, path: string) => ModelFamily<Model>,
): Promise<(weights: CheckpointTensors) => ModelBuilder<Model>> {
  const config = await withGenerationTokens(
    await files.requiredJson("config.json", "model"),
    files,
  );
  const path = files.pathOf("config.json");
  const family = choose(config, path);
  return (weights) => family.configure(config, path, weights);
}
