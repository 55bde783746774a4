import type { Device } from "../device/device.ts";
import { UserError } from "../errors.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import { type ModelFiles, modelFiles } from "../formats/model_files.ts";
import { type HostTensor, type PeftAdapter, writePeftAdapter } from "../formats/peft.ts";
import { elementCount } from "../formats/tensor_file.ts";
import { ClassifierAdapter } from "../nn/classifier_adapter.ts";
import { initLora, loraSpecs, type NewLoraConfig, resolveLora } from "../nn/lora.ts";
import { Parameters, type ParameterSpec } from "../nn/parameters.ts";
import { Random } from "../random.ts";
import type { TensorChange } from "./adapter_changes.ts";
import { AdaptedSource } from "./adapted_source.ts";
import { asClassifierConfig, withLabelCount } from "./classifier_config.ts";
import type { ClassifierModel } from "./classifier_model.ts";
import { configureClassifier } from "./classifier_registry.ts";
import { ClassifierSource } from "./classifier_source.ts";
import type { LoadOptions } from "./family.ts";
import { checkAdapter } from "./policy.ts";
import { labeledConfig, type ReadAdapter, readClassifierAdapter } from "./sequence_classifier.ts";
import { checkWeights } from "./outline.ts";
import { checkpointLayout } from "./registry.ts";
import { readTrainable, saveTrainableModel } from "./trainable.ts";
import { CheckpointSource, FrozenStore } from "./weight_store.ts";

/** A classifier that is trained: an adapter with a head, or all of its weights. */
export interface TrainableClassifier {
  /** Classifier, whose frozen weights an adapter updates. */
  readonly model: ClassifierModel;
  /** Trained part of a frozen model; null where all weights are trained. */
  readonly adapter: ClassifierAdapter | null;
  /** Trained parameters, under the names of PEFT and of the checkpoint. */
  readonly parameters: Parameters;
}

/** Options of loading a classifier for training. */
export interface TrainableClassifierOptions extends LoadOptions {
  /**
   * Number of labels; by default that of config.json. Layers of the head that the model's files lack, or
   * have for another number of labels, begin anew.
   */
  labels?: number;
  /** Seed of a new adapter, and of a new head. Default 0. */
  seed?: number;
}

/** PEFT's own modules_to_save of the task SEQ_CLS: modules whose names end in these. */
const SAVED_MODULES: readonly string[] = ["classifier", "score"];
/** Seed of a new head, apart from the adapter's. */
const HEAD_SEED = 0x4ead;

/**
 * Loads a classifier for training an adapter and its head: the head begins as the model's own, or for a
 * language model, which has none, with new values.
 *
 * @param source a folder's path, or files
 * @param lora settings of a new adapter, or the folder or files of one to go on from
 * @throws {UserError} when a file is missing or broken, or the adapter is for another model
 * @throws {OutOfMemoryError} when the weights do not fit
 */
export async function loadClassifierAdapter(
  device: Device,
  source: string | ModelFiles,
  lora: NewLoraConfig | { adapter: string | ModelFiles },
  options: TrainableClassifierOptions = {},
): Promise<TrainableClassifier & { adapter: ClassifierAdapter }> {
  const { dtype = "f32", seed = 0 } = options;
  const peft = "adapter" in lora ? await readClassifierAdapter(lora.adapter) : null;
  const { head, weights, build, checkpoint } = await open(source, peft, options);
  using _checkpoint = checkpoint;
  checkWeights(device, build, weights, dtype);
  // What is refused within leaves nothing on the device.
  return FrozenStore.build(device, weights, dtype, (store) => {
    const model = build(device, store);
    const { linearModules } = model;
    if (peft) checkAdapter({ linearModules, taskType: "SEQ_CLS" }, peft, peft.path);
    if (peft) checkHead(head, peft);
    const config = peft ? peft.config : resolveLora(model, lora as NewLoraConfig);
    const specs = peft
      ? [...peft.tensors].map(([name, { shape }]) => ({ name, shape }))
      : loraSpecs(linearModules, config);
    return Parameters.build(device, [...specs, ...head], (parameters) => {
      if (peft) { for (const [name, { data }] of peft.tensors) parameters.write(name, data); }
      else initLora(parameters, seed);
      for (const { name, shape } of head) parameters.write(name, weights.read(name, shape));
      return { model, adapter: new ClassifierAdapter(config, parameters), parameters };
    });
  });
}

/**
 * Loads a classifier for training all of its weights; the head begins as in
 * {@linkcode loadClassifierAdapter}.
 *
 * @param source a folder's path, or files
 * @throws {UserError} when a file is missing or broken
 * @throws {OutOfMemoryError} when the weights and their gradients do not fit
 */
export async function loadTrainableClassifier(
  device: Device,
  source: string | ModelFiles,
  options: Omit<TrainableClassifierOptions, "dtype"> = {},
): Promise<TrainableClassifier> {
  const { weights, build, checkpoint } = await open(source, null, options);
  using _checkpoint = checkpoint;
  return { ...readTrainable(device, build, weights), adapter: null };
}

/**
 * Writes a plain Hugging Face folder of a classifier whose every weight was trained.
 *
 * @param source folder or files that it was loaded from
 * @throws {UserError} when a file cannot be written
 */
export async function saveTrainableClassifier(
  { model, parameters }: TrainableClassifier,
  source: string | ModelFiles,
  folder: string,
): Promise<void> {
  const adapt = (config: JsonObject) => asClassifierConfig(config, model.labels.length);
  await saveTrainableModel({ parameters }, source, folder, adapt);
}

/**
 * Writes a classifier's adapter as PEFT does, its head among it.
 *
 * @param baseModel name of the base model in adapter_config.json
 * @throws {UserError} when a file cannot be written
 */
export async function saveClassifierAdapter(
  { model, adapter, parameters }: TrainableClassifier & { adapter: ClassifierAdapter },
  folder: string,
  baseModel: string,
): Promise<void> {
  const tensors = new Map<string, HostTensor>();
  const replaced = new Map<string, HostTensor>();
  for (const [name, { shape, data }] of await parameters.readAll()) {
    const isUpdate = /\.lora_[AB]\.weight$/.test(name);
    (isUpdate ? tensors : replaced).set(name, { shape, data: new Float32Array(data) });
  }
  const fanInFanOut = model.linearModules.some((module) => module.fanInFanOut);
  const config = {
    ...adapter.lora.config,
    taskType: "SEQ_CLS",
    baseModel,
    fanInFanOut,
    modulesToSave: savedModules(replaced.keys()),
  } as const;
  await writePeftAdapter(folder, { config, tensors, replaced });
}

/** PEFT's modules_to_save for tensors of a head: the head's module by name, where PEFT does not find it. */
function savedModules(tensors: Iterable<string>): string[] {
  const heads = new Set([...tensors].map((name) => name.split(".")[0]));
  const isFound = (head: string) => SAVED_MODULES.some((name) => head.endsWith(name));
  return [...[...heads].filter((head) => !isFound(head)), ...SAVED_MODULES];
}

/** Opens a classifier's files; a head that is in none of them gets new values. */
async function open(
  source: string | ModelFiles,
  peft: PeftAdapter | null,
  { labels, seed = 0 }: TrainableClassifierOptions,
) {
  const files = modelFiles(source);
  const path = files.pathOf("config.json");
  const json = labeledConfig(await files.requiredJson("config.json", "model"), peft);
  const { head, headStd, configure } = configureClassifier(
    labels === undefined ? json : withLabelCount(json, labels),
    path,
  );
  const checkpoint = await CheckpointSource.open(files);
  try {
    const own = new ClassifierSource(checkpoint, checkpointLayout(json, path, checkpoint));
    const random = new Random(seed ^ HEAD_SEED);
    const values = newHead(checkpoint, head, peft, () => headStd * normal(random));
    const weights = new AdaptedSource(own, values);
    return { head, weights, build: configure(weights), checkpoint };
  } catch (error) {
    checkpoint[Symbol.dispose]();
    throw error;
  }
}

/** Checks that an adapter brings along nothing but the head. @throws {UserError} */
function checkHead(head: readonly ParameterSpec[], { replaced, path }: ReadAdapter): void {
  for (const [name, { shape }] of replaced ?? []) {
    const own = head.find((spec) => spec.name === name);
    if (own?.shape.join() === shape.join()) continue;
    const expected = own
      ? `expected [${own.shape.join(", ")}]`
      : "which is not of this model's head";
    throw new UserError(
      `the adapter in ${path} is for another model: its ${name} is [${
        shape.join(", ")
      }], ${expected}`,
    );
  }
}

/**
 * Values of a head: those of an adapter, and new ones of what the checkpoint lacks.
 *
 * @param draw draws a new weight
 */
function newHead(
  checkpoint: CheckpointSource,
  head: readonly ParameterSpec[],
  peft: PeftAdapter | null,
  draw: () => number,
): ReadonlyMap<string, TensorChange> {
  const changes = new Map<string, TensorChange>();
  for (const { name, shape } of head) {
    const given = peft?.replaced?.get(name);
    if (given) changes.set(name, { kind: "values", values: given });
    else if (!hasTensor(checkpoint, name, shape)) {
      const data = new Float32Array(elementCount(shape));
      if (shape.length > 1) {
        for (let i = 0; i < data.length; i++) data[i] = draw();
      }
      changes.set(name, { kind: "values", values: { shape, data } });
    }
  }
  return changes;
}

function hasTensor(
  { checkpoint }: CheckpointSource,
  name: string,
  shape: readonly number[],
): boolean {
  return checkpoint.files.has(name) && checkpoint.info(name).shape.join() === shape.join();
}

/** A number of the normal distribution (Box and Muller 1958). */
function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()));
  return radius * Math.cos(2 * Math.PI * random.uniform());
}
