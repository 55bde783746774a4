import { z } from "../packages/zod.ts";
import { UserError } from "../errors.ts";
import { targetPattern } from "./target_modules.ts";
import { writeFileAtomic } from "../platform/atomic_write.ts";
import { isNotFound, makeFolder, removeFile } from "../platform/files.ts";
import { ioReason } from "../platform/io_error.ts";
import { join } from "../platform/paths.ts";
import { openTensorFile } from "./checkpoint.ts";
import { checkConfigKeys } from "./config_keys.ts";
import type { JsonObject } from "./hf_config.ts";
import { type ModelFiles, modelFiles } from "./model_files.ts";
import { checkInitialization, PEFT_KEYS } from "./peft_keys.ts";
import { writeSafetensors } from "./safetensors.ts";
import type { TensorData } from "./tensor_file.ts";
import { writeTorchFile } from "./torch_bin_writer.ts";

/**
 * PEFT's name for the kind of model that an adapter is for: an encoder-decoder, or a decoder alone.
 */
export type TaskType = "SEQ_2_SEQ_LM" | "CAUSAL_LM";

/** Settings of a LoRA adapter in adapter_config.json. */
export interface PeftConfig {
  /** Kind of model; null where the file does not say. */
  taskType: TaskType | null;
  /** Rank. */
  r: number;
  /** Numerator of the update's scale, loraAlpha / r. */
  loraAlpha: number;
  /** Probability of dropping an element of the adapter's input in training. */
  loraDropout: number;
  /**
   * Suffixes of the names of the linear layers that are adapted, as `q` and `v`; or a pattern that
   * matches their whole names.
   */
  targetModules: string[] | string;
  /** Model that the adapter was made for, a path or a name on the Hub; for information only. */
  baseModel: string | null;
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

const configSchema = z.object({
  peft_type: z.literal("LORA"),
  task_type: z.enum(["SEQ_2_SEQ_LM", "CAUSAL_LM"]).nullish(),
  r: z.int().positive(),
  lora_alpha: z.number().positive(),
  lora_dropout: z.number().min(0).lt(1).default(0),
  target_modules: z.union([z.array(z.string().min(1)).min(1), z.string().min(1)]),
  bias: z.literal("none").default("none"),
  base_model_name_or_path: z.string().nullish(),
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
  const config = parseConfig(
    files.pathOf(CONFIG_FILE),
    await files.requiredJson(CONFIG_FILE, "PEFT adapter"),
  );
  const isBin = !await files.has(WEIGHTS_FILES.safetensors) && await files.has(WEIGHTS_FILES.bin);
  using file = openTensorFile(await files.open(WEIGHTS_FILES[isBin ? "bin" : "safetensors"]));
  const isTarget = targetTest(config);
  const tensors = new Map<string, HostTensor>();
  for (const { name, shape } of file.tensors.values()) {
    const [, tensorName, module, side] =
      name.match(/^base_model\.model\.((.+)\.lora_([AB])\.weight)$/) ?? [];
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
    if (shape.length !== 2 || shape[side === "A" ? 0 : 1] !== config.r) {
      const expected = side === "A" ? `[${config.r}, in]` : `[out, ${config.r}]`;
      throw new UserError(
        `${file.path}: tensor "${name}" has shape [${shape}], expected ${expected} for r ${config.r}`,
      );
    }
    const other = `${PREFIX}${module}.lora_${side === "A" ? "B" : "A"}.weight`;
    if (!file.tensors.has(other)) {
      throw new UserError(`${file.path} has "${name}" but not "${other}"`);
    }
    tensors.set(tensorName, { shape, data: file.readFloats(name) });
  }
  return { config, tensors };
}

/** Makes a test for the modules that may be adapted. */
function targetTest({ targetModules }: PeftConfig): (module: string) => boolean {
  if (typeof targetModules === "string") {
    const pattern = targetPattern(targetModules);
    return (module) => pattern.test(module);
  }
  // PEFT 0.3 matches bare suffixes: its target "o" is "wo" as well.
  return (module) => targetModules.some((target) => module.endsWith(target));
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
  const { r, task_type, lora_alpha, lora_dropout, target_modules, base_model_name_or_path } =
    parsed.data;
  return {
    taskType: task_type ?? null,
    r,
    loraAlpha: lora_alpha,
    loraDropout: lora_dropout,
    targetModules: target_modules,
    baseModel: base_model_name_or_path ?? null,
  };
}

/**
 * Writes an adapter into a folder, which is created where it is missing, with the twelve keys and
 * the tensor names of PEFT 0.3.0, so that every later version loads it, and as "bin" 0.3.0 itself.
 * An adapter in the other format is removed: PEFT would read that one.
 *
 * @throws UserError when a file cannot be written.
 */
export async function writePeftAdapter(
  dir: string,
  adapter: PeftAdapter,
  format: AdapterFormat = "safetensors",
): Promise<void> {
  const { taskType, r, loraAlpha, loraDropout, targetModules, baseModel } = adapter.config;
  const config = {
    base_model_name_or_path: baseModel,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: loraAlpha,
    lora_dropout: loraDropout,
    modules_to_save: null,
    peft_type: "LORA",
    r,
    target_modules: targetModules,
    task_type: taskType,
  };
  const tensors = new Map<string, TensorData>();
  for (const [name, tensor] of adapter.tensors) {
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
