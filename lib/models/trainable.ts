import type { Device } from "../device/device.ts";
import { UserError } from "../errors.ts";
import { writeFileAtomic } from "../platform/atomic_write.ts";
import { copyCompanions } from "../formats/companions.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import { type ModelFiles, modelFiles } from "../formats/model_files.ts";
import { makeFolder } from "../platform/files.ts";
import { ioReason } from "../platform/io_error.ts";
import { join } from "../platform/paths.ts";
import { writeSafetensors } from "../formats/safetensors.ts";
import type { TensorData } from "../formats/tensor_file.ts";
import { Parameters } from "../nn/parameters.ts";
import { readConfig } from "./family.ts";
import type { LanguageModel } from "./language_model.ts";
import { modelFamily } from "./registry.ts";
import { checkWeights } from "./outline.ts";
import {
  CheckpointSource,
  TrainableStore,
  type WeightSource,
  type WeightStore,
} from "./weight_store.ts";

/** A model whose every weight is trained, in f32. */
export interface TrainableModel {
  /** Model that reads its weights from `parameters`. */
  readonly model: LanguageModel;
  /** All weights, under their names in the checkpoint. */
  readonly parameters: Parameters;
}

/**
 * Loads a model for training all of its weights.
 *
 * @param source a folder's path, or files
 * @throws {UserError} when a file is missing or broken, or the model's type is not known
 * @throws {OutOfMemoryError} when the weights and their gradients do not fit
 */
export async function loadTrainableModel(
  device: Device,
  source: string | ModelFiles,
): Promise<TrainableModel> {
  const files = modelFiles(source);
  const configure = await readConfig(files, modelFamily);
  using weights = await CheckpointSource.open(files);
  const build = configure(weights);
  return readTrainable(device, build, weights);
}

/**
 * Reads the weights of a model as parameters; when that fails, nothing of it stays on the device.
 *
 * @throws {UserError} when one is missing or broken
 * @throws {OutOfMemoryError} when the weights and their gradients do not fit
 */
export function readTrainable<Model>(
  device: Device,
  build: (device: Device, store: WeightStore) => Model,
  weights: WeightSource,
): { model: Model; parameters: Parameters } {
  const specs = checkWeights(device, build, weights, "trained");
  return Parameters.build(device, specs, (parameters) => {
    for (const { name, shape } of specs) parameters.write(name, weights.read(name, shape));
    return { model: build(device, new TrainableStore(parameters)), parameters };
  });
}

/**
 * Writes a plain Hugging Face model folder: model.safetensors in f32, and the other files as they are
 * in the folder that the model was loaded from.
 *
 * @param adapt changes config.json
 * @throws {UserError} when a file cannot be written
 */
export async function saveTrainableModel(
  { parameters }: Pick<TrainableModel, "parameters">,
  source: string | ModelFiles,
  folder: string,
  adapt: (config: JsonObject) => JsonObject = (config) => config,
): Promise<void> {
  const tensors = new Map<string, TensorData>();
  for (const [name, { shape, data }] of await parameters.readAll()) {
    tensors.set(name, { dtype: "F32", shape, data: new Float32Array(data) });
  }
  try {
    await makeFolder(folder);
  } catch (error) {
    throw new UserError(`cannot create ${folder}: ${ioReason(error)}`, { cause: error });
  }
  await copyCompanions(source, folder);
  const own = await modelFiles(source).requiredJson("config.json", "model");
  const config = { ...adapt(own), torch_dtype: "float32" };
  await writeFileAtomic(join(folder, "config.json"), JSON.stringify(config, null, 2) + "\n");
  await writeSafetensors(join(folder, "model.safetensors"), tensors);
}
