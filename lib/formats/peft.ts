import { z } from "../packages/zod.ts";
import { UserError } from "../errors.ts";
import type { LoraConfig } from "./lora_config.ts";
import { loraNumbers, targetTest } from "./target_modules.ts";
import { writeFileAtomic } from "../platform/atomic_write.ts";
import { isNotFound, makeFolder, removeFile } from "../platform/files.ts";
import { ioReason } from "../platform/io_error.ts";
import { join } from "../platform/paths.ts";
import { openTensorFile } from "./checkpoint.ts";
import { checkConfigKeys } from "./config_keys.ts";
import type { JsonObject } from "./hf_config.ts";
import { type ModelFiles, modelFiles } from "./model_files.ts";
import { checkInitialization, embeddingFault, PEFT_KEYS } from "./peft_keys.ts";
import { writeSafetensors } from "./safetensors.ts";
import type { TensorData } from "./tensor_file.ts";
import { writeTorchFile } from "./torch_bin_writer.ts";

/**
 * PEFT's name for the kind of model that generates: an encoder-decoder, or a decoder alone.
 */
export type TaskType = "SEQ_2_SEQ_LM" | "CAUSAL_LM";

/** Settings of a LoRA adapter in adapter_config.json. */
export interface PeftConfig extends LoraConfig {
  /** Kind of model, SEQ_CLS for a classifier of texts; null where the file does not say. */
  taskType: TaskType | "SEQ_CLS" | null;
  /** Model that the adapter was made for, a path or a name on the Hub; for information only. */
  baseModel: string | null;
  /** True where the base keeps its linear layers as [in, out], as GPT-2's Conv1D does. */
  fanInFanOut?: boolean;
  /** Modules of the base that the adapter replaces as a whole: a classifier's head. */
  modulesToSave?: readonly string[];
}

/** Values with their shape, row-major, on the host. */
export interface HostTensor {
  /** Sizes of the dimensions. */
  shape: readonly number[];
  /** Elements, row-major. */
  data: Float32Array<ArrayBuffer>;
}

/**
 * Adapter on the host. Its tensors are named by the module they adapt, `<module>.lora_A.weight`
 * [r, in] and `<module>.lora_B.weight` [out, r]: PEFT's names without the prefix
 * `base_model.model.`.
 */
export interface PeftAdapter {
  /** Settings in adapter_config.json. */
  config: PeftConfig;
  /** Weights, by `<module>.lora_A.weight` and `<module>.lora_B.weight`. */
  tensors: Map<string, HostTensor>;
  /** Tensors that replace the base's, by their names: those of `modulesToSave`. */
  replaced?: Map<string, HostTensor>;
}

const CONFIG_FILE = "adapter_config.json";
/** Kind of an adapter's files. PEFT before 0.4, and TRL of that time, know only bin. */
export type AdapterFormat = "safetensors" | "bin";

const WEIGHTS_FILES = {
  safetensors: "adapter_model.safetensors",
  bin: "adapter_model.bin",
} as const;
const VALUE_HEAD_FILES = {
  safetensors: "value_head.safetensors",
  bin: "pytorch_model.bin",
} as const;
const PREFIX = "base_model.model.";

const names = z.array(z.string().min(1));
const patternOf = <T extends z.ZodType>(value: T) => z.record(z.string().min(1), value).nullish();

const configSchema = z.object({
  peft_type: z.literal("LORA"),
  task_type: z.enum(["SEQ_2_SEQ_LM", "CAUSAL_LM", "SEQ_CLS"]).nullish(),
  r: z.int().positive(),
  lora_alpha: z.number().positive(),
  lora_dropout: z.number().min(0).lt(1).default(0),
  target_modules: z.union([names.min(1), z.string().min(1)]),
  bias: z.literal("none").default("none"),
  base_model_name_or_path: z.string().nullish(),
  fan_in_fan_out: z.boolean().nullish(),
  use_rslora: z.boolean().nullish(),
  rank_pattern: patternOf(z.int().positive()),
  alpha_pattern: patternOf(z.number().positive()),
  exclude_modules: z.union([names, z.string()]).nullish(),
  layers_to_transform: z.union([z.array(z.int().nonnegative()), z.int().nonnegative()]).nullish(),
  layers_pattern: z.union([names, z.string()]).nullish(),
  modules_to_save: names.nullish(),
});

/**
 * Reads a PEFT LoRA adapter: adapter_config.json and adapter_model.safetensors, or else
 * adapter_model.bin.
 *
 * @throws UserError naming the file, and the key or tensor at fault, when something is missing,
 * broken or not supported.
 */
export async function readPeftAdapter(source: string | ModelFiles): Promise<PeftAdapter> {
  const files = modelFiles(source);
  const path = files.pathOf(CONFIG_FILE);
  const config = parseConfig(path, await files.requiredJson(CONFIG_FILE, "PEFT adapter"));
  const isTarget = ofFile(path, () => fileTargetTest(config));
  const numbers = ofFile(path, () => loraNumbers(config));
  const isBin = !await files.has(WEIGHTS_FILES.safetensors) && await files.has(WEIGHTS_FILES.bin);
  using file = openTensorFile(await files.open(WEIGHTS_FILES[isBin ? "bin" : "safetensors"]));
  const tensors = new Map<string, HostTensor>();
  const replaced = new Map<string, HostTensor>();
  for (const { name, shape } of file.tensors.values()) {
    const own = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : null;
    if (own !== null && isSaved(config, own)) {
      replaced.set(own, { shape, data: file.readFloats(name) });
      continue;
    }
    const fault = embeddingFault(name, file.path);
    if (fault) throw new UserError(fault);
    const [tensorName, module, side] = own?.match(/^(.+)\.lora_([AB])\.weight$/) ?? [];
    if (!tensorName) {
      throw new UserError(
        `${file.path} has the tensor "${name}", expected only ${PREFIX}<module>.lora_A.weight and lora_B.weight`,
      );
    }
    if (!isTarget(module)) {
      const targets = [config.targetModules].flat().join(", ");
      throw new UserError(
        `${file.path} has the tensor "${name}", but target_modules in ${CONFIG_FILE} are ${targets}`,
      );
    }
    const { r } = numbers(module);
    if (shape.length !== 2 || shape[side === "A" ? 0 : 1] !== r) {
      const expected = side === "A" ? `[${r}, in]` : `[out, ${r}]`;
      throw new UserError(
        `${file.path}: tensor "${name}" has shape [${shape}], expected ${expected} for r ${r}`,
      );
    }
    const other = `${PREFIX}${module}.lora_${side === "A" ? "B" : "A"}.weight`;
    if (!file.tensors.has(other)) {
      throw new UserError(`${file.path} has "${name}" but not "${other}"`);
    }
    tensors.set(tensorName, { shape, data: file.readFloats(name) });
  }
  return { config, tensors, ...(replaced.size > 0 ? { replaced } : {}) };
}

/** Names the file in what is wrong with its settings. */
function ofFile<T>(path: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${path}: ${error.message}`, { cause: error });
  }
}

/** Makes a test for the modules that a file may have updates of. */
function fileTargetTest(config: PeftConfig): (module: string) => boolean {
  const isTarget = targetTest(config, config.modulesToSave);
  const { targetModules, excludeModules, layersToTransform } = config;
  if (typeof targetModules === "string") return isTarget;
  if (excludeModules !== undefined || layersToTransform !== undefined) return isTarget;
  // PEFT 0.3, which has no such settings, matches bare suffixes: its target "o" is "wo" as well.
  return (module) => isTarget(module) || targetModules.some((target) => module.endsWith(target));
}

/**
 * Tells whether a tensor is of a module that the adapter replaces as a whole: as in PEFT's
 * `_set_trainable`, one whose name ends in one of these, as `pre_classifier` in `classifier`.
 */
function isSaved({ modulesToSave = [] }: PeftConfig, tensor: string): boolean {
  return modulesToSave.some((name) => tensor.includes(`${name}.`));
}

function parseConfig(path: string, json: JsonObject): PeftConfig {
  const parsed = configSchema.safeParse(json);
  if (!parsed.success) {
    const { path: [key], message } = parsed.error.issues[0];
    const value = JSON.stringify(json[String(key)]) ?? "missing";
    throw new UserError(`${path}: ${String(key)} is ${value}, not supported (${message})`);
  }
  checkConfigKeys(json, path, [PEFT_KEYS], "an adapter");
  checkInitialization(json, path);
  const c = parsed.data;
  const config: PeftConfig = {
    taskType: c.task_type ?? null,
    r: c.r,
    loraAlpha: c.lora_alpha,
    loraDropout: c.lora_dropout,
    targetModules: c.target_modules,
    baseModel: c.base_model_name_or_path ?? null,
  };
  if (c.fan_in_fan_out) config.fanInFanOut = true;
  if (c.use_rslora) config.useRslora = true;
  if (isSet(c.rank_pattern)) config.rankPattern = c.rank_pattern;
  if (isSet(c.alpha_pattern)) config.alphaPattern = c.alpha_pattern;
  if (isSet(c.exclude_modules)) config.excludeModules = c.exclude_modules;
  if (isSet(c.layers_to_transform)) config.layersToTransform = c.layers_to_transform;
  if (isSet(c.layers_pattern)) config.layersPattern = c.layers_pattern;
  if (isSet(c.modules_to_save)) {
    if (config.taskType !== "SEQ_CLS") {
      throw new UserError(
        `${path}: "modules_to_save" is ${
          JSON.stringify(c.modules_to_save)
        }: Temper reads modules ` +
          "that are trained as a whole for SEQ_CLS alone; merge the adapter in PEFT, and use the merged model",
      );
    }
    config.modulesToSave = c.modules_to_save;
  }
  return config;
}

/** Tells whether a setting says something: an empty list, object or text does not. */
function isSet<T>(value: T | null | undefined): value is T {
  if (value === null || value === undefined || value === "") return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

/**
 * Writes an adapter into a folder, which is created where it is missing, with the twelve keys and
 * the tensor names of PEFT 0.3.0, so that every later version loads it, and as "bin" 0.3.0 itself.
 * Keys of later versions are added where they say something. An adapter in the other format is
 * removed: PEFT would read that one.
 *
 * @throws UserError when a file cannot be written.
 */
export async function writePeftAdapter(
  dir: string,
  adapter: PeftAdapter,
  format: AdapterFormat = "safetensors",
): Promise<void> {
  const { config: own } = adapter;
  const config = {
    base_model_name_or_path: own.baseModel,
    bias: "none",
    fan_in_fan_out: own.fanInFanOut ?? false,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: own.loraAlpha,
    lora_dropout: own.loraDropout,
    modules_to_save: own.modulesToSave ?? null,
    peft_type: "LORA",
    r: own.r,
    target_modules: own.targetModules,
    task_type: own.taskType,
    // JSON leaves out those that are undefined.
    use_rslora: own.useRslora,
    rank_pattern: own.rankPattern,
    alpha_pattern: own.alphaPattern,
    exclude_modules: own.excludeModules,
    layers_to_transform: own.layersToTransform,
    layers_pattern: own.layersPattern,
  };
  const tensors = new Map<string, TensorData>();
  for (const [name, tensor] of [...adapter.tensors, ...adapter.replaced ?? []]) {
    tensors.set(PREFIX + name, { dtype: "F32", ...tensor });
  }
  await writeTensors(dir, WEIGHTS_FILES, format, tensors);
  await removeIfThere(join(dir, WEIGHTS_FILES[format === "bin" ? "safetensors" : "bin"]));
  await writeFileAtomic(join(dir, CONFIG_FILE), JSON.stringify(config, null, 2) + "\n");
}

/** TRL's value head: value = weight · hidden + bias. */
export interface ValueHeadWeights {
  /** Weight of each hidden feature, [d_model]. */
  weight: Float32Array<ArrayBuffer>;
  /** Bias, added to every value. */
  bias: number;
}

/**
 * Reads the value head beside an adapter, or returns null where there is none (as in an adapter
 * that has not been through PPO).
 *
 * The names are TRL's, `v_head.summary.weight` [1, d_model] and `v_head.summary.bias` [1]. TRL
 * itself puts them into a pytorch_model.bin, which is read too; in a safetensors file of their own,
 * PEFT does not trip over them.
 *
 * @throws UserError naming the file and the tensor at fault.
 */
export async function readValueHead(
  source: string | ModelFiles,
): Promise<ValueHeadWeights | null> {
  const files = modelFiles(source);
  for (const name of Object.values(VALUE_HEAD_FILES)) {
    if (!await files.has(name)) continue;
    using file = openTensorFile(await files.open(name));
    // A pytorch_model.bin may also be a model without a value head.
    if (name === VALUE_HEAD_FILES.bin && !file.tensors.has("v_head.summary.weight")) continue;
    const weight = file.info("v_head.summary.weight");
    const bias = file.info("v_head.summary.bias");
    if (weight.shape.length !== 2 || weight.shape[0] !== 1 || `${bias.shape}` !== "1") {
      throw new UserError(
        `${file.path}: v_head.summary.weight is [${weight.shape}] and bias [${bias.shape}], expected [1, d_model] and [1]`,
      );
    }
    return { weight: file.readFloats(weight.name), bias: file.readFloats(bias.name)[0] };
  }
  return null;
}

/**
 * Writes the value head into an adapter's folder, where {@linkcode readValueHead} finds it; as
 * "bin", where TRL does.
 */
export async function writeValueHead(
  dir: string,
  { weight, bias }: ValueHeadWeights,
  format: AdapterFormat = "safetensors",
): Promise<void> {
  const tensors = new Map<string, TensorData>([
    ["v_head.summary.weight", { dtype: "F32", shape: [1, weight.length], data: weight }],
    ["v_head.summary.bias", { dtype: "F32", shape: [1], data: Float32Array.of(bias) }],
  ]);
  await writeTensors(dir, VALUE_HEAD_FILES, format, tensors);
  // It would be read in place of TRL's.
  if (format === "bin") await removeIfThere(join(dir, VALUE_HEAD_FILES.safetensors));
}

async function writeTensors(
  dir: string,
  files: Readonly<Record<AdapterFormat, string>>,
  format: AdapterFormat,
  tensors: ReadonlyMap<string, TensorData>,
): Promise<void> {
  try {
    await makeFolder(dir);
  } catch (error) {
    throw new UserError(`cannot make the folder ${dir}: ${ioReason(error)}`, { cause: error });
  }
  const write = format === "bin" ? writeTorchFile : writeSafetensors;
  await write(join(dir, files[format]), tensors);
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await removeFile(path);
  } catch (error) {
    if (isNotFound(error)) return;
    throw new UserError(`cannot remove ${path}: ${ioReason(error)}`, { cause: error });
  }
}
