import { UserError } from "../errors.ts";
import {
  type AdapterFormat,
  type PeftAdapter,
  readPeftAdapter,
  readValueHead,
  writePeftAdapter,
  writeValueHead,
} from "../formats/peft.ts";
import { type ModelFiles, modelFiles } from "../formats/model_files.ts";
import type { LoraConfig } from "../formats/lora_config.ts";
import {
  adaptedModules,
  initLora,
  type LinearModule,
  LoraAdapter,
  loraSpecs,
  type NewLoraConfig,
  resolveLora,
} from "../nn/lora.ts";
import { Parameters, type ParameterSpec, type ParameterValues } from "../nn/parameters.ts";
import { initValueHead, ValueHead, valueHeadSpecs } from "../nn/value_head.ts";
import type { LanguageModel } from "./language_model.ts";

/** A frozen model with an adapter and a value head, which are trained. */
export interface Policy {
  /** The frozen model. */
  readonly model: LanguageModel;
  /** Update of the model's linear layers. */
  readonly adapter: LoraAdapter;
  /** Head that predicts the return of a hidden state. */
  readonly valueHead: ValueHead;
  /** Parameters of the adapter and the value head, and nothing else. */
  readonly parameters: Parameters;
}

/** Seed of the value head's first values, apart from the adapter's. */
const VALUE_HEAD_SEED = 0x5eed;

/**
 * Makes a policy with a new adapter, which at first changes nothing, and a new value head.
 *
 * @throws {UserError} when a target or a pattern matches no layer of the model
 */
export function createPolicy(
  model: LanguageModel,
  config: NewLoraConfig,
  seed: number,
): Policy {
  const resolved = resolveLora(model, config);
  const policy = assemble(model, resolved, loraSpecs(model.linearModules, resolved));
  initLora(policy.parameters, seed);
  initValueHead(policy.parameters, seed ^ VALUE_HEAD_SEED);
  return policy;
}

/**
 * Loads a policy that goes on from a PEFT adapter; its value head is the one beside the adapter, else
 * new.
 *
 * @param source a folder's path, or files
 * @throws {UserError} when the adapter is missing, broken, or for another model
 */
export async function loadPolicy(
  model: LanguageModel,
  source: string | ModelFiles,
  seed: number,
): Promise<Policy> {
  const files = modelFiles(source);
  const adapter = await readPeftAdapter(files);
  const valueHead = await readValueHead(files);
  checkAdapter(model, adapter, files.path);
  const { hiddenSize } = model;
  if (valueHead && valueHead.weight.length !== hiddenSize) {
    throw new UserError(
      `the value head in ${files.path} is for a hidden size of ${valueHead.weight.length}, this model has ${hiddenSize}`,
    );
  }
  const policy = assemble(model, adapter.config, adapterSpecs(adapter));
  for (const [name, { data }] of adapter.tensors) policy.parameters.write(name, data);
  if (valueHead) {
    policy.parameters.write("v_head.summary.weight", valueHead.weight);
    policy.parameters.write("v_head.summary.bias", Float32Array.of(valueHead.bias));
  } else initValueHead(policy.parameters, seed ^ VALUE_HEAD_SEED);
  return policy;
}

/**
 * Makes a new adapter without a value head, for training. At first it changes nothing.
 *
 * @throws {UserError} when a target or a pattern matches no layer of the model
 */
export function createAdapter(
  model: LanguageModel,
  config: NewLoraConfig,
  seed: number,
): LoraAdapter {
  const resolved = resolveLora(model, config);
  const specs = loraSpecs(model.linearModules, resolved);
  const parameters = Parameters.create(model.device, specs, { trainable: true });
  initLora(parameters, seed);
  return new LoraAdapter(resolved, parameters);
}

/**
 * Loads a PEFT adapter without a value head: frozen, unless it is to be trained.
 *
 * @param source a folder's path, or files
 * @throws {UserError} when the adapter is missing, broken, or for another model
 */
export async function loadAdapter(
  model: LanguageModel,
  source: string | ModelFiles,
  { trainable = false }: { trainable?: boolean } = {},
): Promise<LoraAdapter> {
  const files = modelFiles(source);
  const adapter = await readPeftAdapter(files);
  checkAdapter(model, adapter, files.path);
  const parameters = Parameters.create(model.device, adapterSpecs(adapter), { trainable });
  for (const [name, { data }] of adapter.tensors) parameters.write(name, data);
  return new LoraAdapter(adapter.config, parameters);
}

/**
 * Writes the adapter as PEFT does, and the value head beside it.
 *
 * @param baseModel name of the base model in adapter_config.json
 * @param format format of the files: "bin" for PEFT before 0.4, and the value head where TRL has it
 * @throws {UserError} when a file cannot be written
 */
export async function savePolicy(
  { model, adapter, parameters }: Policy,
  folder: string,
  baseModel: string,
  format: AdapterFormat = "safetensors",
): Promise<void> {
  const values = await parameters.readAll();
  const read = (name: string) => new Float32Array(values.get(name)!.data);
  await writeValueHead(folder, {
    weight: read("v_head.summary.weight"),
    bias: read("v_head.summary.bias")[0],
  }, format);
  await writeAdapter(model, adapter.config, values, folder, baseModel, format);
}

/**
 * Writes an adapter alone, as {@linkcode savePolicy}.
 *
 * @throws {UserError} when a file cannot be written
 */
export async function saveAdapter(
  { model, adapter: { config, parameters } }: Pick<Policy, "model" | "adapter">,
  folder: string,
  baseModel: string,
  format: AdapterFormat = "safetensors",
): Promise<void> {
  await writeAdapter(model, config, await parameters.readAll(), folder, baseModel, format);
}

/**
 * Reads the parameters of an adapter that {@linkcode saveAdapter} wrote, by their names.
 *
 * @param source a folder's path, or files
 * @throws {UserError} when the adapter is missing or broken
 */
export async function* readAdapterValues(
  source: string | ModelFiles,
): AsyncGenerator<readonly [name: string, values: Float32Array]> {
  for (const [name, { data }] of (await readPeftAdapter(source)).tensors) yield [name, data];
}

async function writeAdapter(
  { taskType, linearModules }: LanguageModel,
  config: LoraConfig,
  values: ReadonlyMap<string, ParameterValues>,
  folder: string,
  baseModel: string,
  format: AdapterFormat,
): Promise<void> {
  const tensors: PeftAdapter["tensors"] = new Map();
  for (const [name, { shape, data }] of values) {
    if (name.includes(".lora_")) tensors.set(name, { shape, data: new Float32Array(data) });
  }
  const fanInFanOut = adaptedModules(linearModules, config).some((module) => module.fanInFanOut);
  const peftConfig = { ...config, taskType, baseModel, fanInFanOut };
  await writePeftAdapter(folder, { config: peftConfig, tensors }, format);
}

/** Specs of the file's own tensors: PEFT 0.3 matched targets by bare suffix, so "o" brought "wo" along. */
function adapterSpecs({ tensors }: PeftAdapter): ParameterSpec[] {
  return [...tensors].map(([name, { shape }]) => ({ name, shape }));
}

function assemble(
  model: LanguageModel,
  config: LoraConfig,
  adapterSpecs: readonly ParameterSpec[],
): Policy {
  const specs = [...adapterSpecs, ...valueHeadSpecs(model.hiddenSize)];
  const parameters = Parameters.create(model.device, specs, { trainable: true });
  const adapter = new LoraAdapter(config, parameters);
  return { model, adapter, valueHead: new ValueHead(parameters), parameters };
}

/**
 * Checks that an adapter fits a model.
 *
 * @param path path of the adapter, for messages
 * @throws {UserError} naming the first tensor that the model has no place for, or that the adapter lacks
 */
export function checkAdapter(
  model: { readonly linearModules: readonly LinearModule[]; readonly taskType: string },
  { config, tensors }: PeftAdapter,
  path: string,
): void {
  const places = new Map(model.linearModules.map((module) => [module.name, module]));
  const fail = (what: string) =>
    new UserError(`the adapter in ${path} is for another model: ${what}`);
  if (config.taskType !== null && config.taskType !== model.taskType) {
    throw fail(`its task_type is ${config.taskType}, this model's is ${model.taskType}`);
  }
  for (const [name, { shape }] of tensors) {
    const [, module, side] = /^(.+)\.lora_([AB])\.weight$/.exec(name)!;
    const place = places.get(module);
    if (!place) throw fail(`it has ${name}, which this model has no layer for`);
    // The file's reader has checked the rank.
    const wanted = side === "A" ? [shape[0], place.inFeatures] : [place.outFeatures, shape[1]];
    if (wanted.join() !== shape.join()) {
      throw fail(`${name} is [${shape.join(", ")}], this model wants [${wanted.join(", ")}]`);
    }
  }
  for (const { name } of loraSpecs(model.linearModules, config)) {
    if (!tensors.has(name)) throw fail(`it lacks ${name}`);
  }
  if (tensors.size === 0) throw fail("it has no update of any layer");
}
