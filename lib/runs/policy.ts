import { join } from "node:path";
import { Tokenizer } from "../data/tokenizer.ts";
import type { Device } from "../device/device.ts";
import { UserError } from "../errors.ts";
import {
  type PeftAdapter,
  readPeftAdapter,
  readValueHead,
  type ValueHeadWeights,
  writePeftAdapter,
  writeValueHead,
} from "../formats/peft.ts";
import { T5ForConditionalGeneration } from "../models/t5.ts";
import { initLora, LoraAdapter, loraSpecs } from "../nn/lora.ts";
import { Parameters } from "../nn/parameters.ts";
import { initValueHead, ValueHead, valueHeadSpecs } from "../nn/value_head.ts";
import type { Policy } from "../rl/policy.ts";
import type { TrainConfig } from "./config.ts";
import { resolveAsset } from "./demo.ts";

const VALUE_WEIGHT = "v_head.summary.weight";
const VALUE_BIAS = "v_head.summary.bias";

/** The settings that a policy is made from. */
export type PolicySettings = Pick<
  TrainConfig,
  "model" | "adapter" | "dtype" | "loraR" | "loraAlpha" | "loraDropout" | "targetModules" | "seed"
>;

/** A policy that is ready to train, with its tokenizer. */
export interface LoadedPolicy extends Policy {
  tokenizer: Tokenizer;
  /** The model's folder, as the user named it. */
  name: string;
}

/**
 * Loads a model and its tokenizer, and puts a LoRA adapter and a value head on it: those of the
 * adapter's folder, or fresh ones.
 *
 * @throws {UserError} when a file is missing or broken, or the adapter is for another model
 */
export async function loadPolicy(device: Device, settings: PolicySettings): Promise<LoadedPolicy> {
  const folder = resolveAsset(settings.model);
  const tokenizer = await Tokenizer.load(folder);
  const model = await T5ForConditionalGeneration.load(device, folder, settings);
  const { dModel } = model.config;
  const saved = settings.adapter === null ? null : await readAdapter(settings.adapter, model);
  const lora = saved?.peft.config ?? {
    r: settings.loraR,
    loraAlpha: settings.loraAlpha,
    loraDropout: settings.loraDropout,
    targetModules: settings.targetModules,
  };
  const specs = [...loraSpecs(model.linearModules, lora), ...valueHeadSpecs(dModel)];
  const parameters = Parameters.create(device, specs, { trainable: true });
  initLora(parameters, settings.seed);
  initValueHead(parameters, settings.seed);
  if (saved) writeAdapter(parameters, saved.peft);
  if (saved?.valueHead) {
    parameters.write(VALUE_WEIGHT, saved.valueHead.weight);
    parameters.write(VALUE_BIAS, Float32Array.of(saved.valueHead.bias));
  }
  return {
    name: settings.model,
    tokenizer,
    model,
    parameters,
    adapter: new LoraAdapter(lora, parameters),
    valueHead: new ValueHead(parameters),
  };
}

/**
 * Loads another adapter for a policy's model, frozen.
 *
 * @throws {UserError} when a file is missing or broken, or the adapter is for another model
 */
export async function loadAdapter(
  { model }: Pick<LoadedPolicy, "model">,
  folder: string,
): Promise<LoraAdapter> {
  const { peft } = await readAdapter(folder, model);
  const specs = loraSpecs(model.linearModules, peft.config);
  const parameters = Parameters.create(model.device, specs, { trainable: false });
  writeAdapter(parameters, peft);
  return new LoraAdapter(peft.config, parameters);
}

function writeAdapter(parameters: Parameters, { tensors }: PeftAdapter): void {
  for (const [name, { data }] of tensors) parameters.write(name, data);
}

/** Saves a policy's adapter and value head into a folder, in PEFT's form. */
export async function saveAdapter(folder: string, policy: LoadedPolicy): Promise<void> {
  const tensors = await policy.parameters.readAll();
  const weight = tensors.get(VALUE_WEIGHT)!.data;
  const [bias] = tensors.get(VALUE_BIAS)!.data;
  tensors.delete(VALUE_WEIGHT);
  tensors.delete(VALUE_BIAS);
  const { r, loraAlpha, loraDropout, targetModules } = policy.adapter.config;
  await writePeftAdapter(folder, {
    config: {
      r,
      loraAlpha,
      loraDropout,
      targetModules: [...targetModules],
      baseModel: policy.name,
    },
    tensors,
  });
  await writeValueHead(folder, { weight, bias });
}

/** Parameters that are trained, and all there are. */
export interface ParameterCount {
  trainable: number;
  all: number;
}

/** Counts a policy's parameters: of the model with its adapter, and with the value head on top. */
export function countParameters(
  { model, parameters }: Policy,
): { adapter: ParameterCount; withValueHead: ParameterCount } {
  const head = model.config.dModel + 1;
  const count = (trainable: number) => ({ trainable, all: model.parameterCount + trainable });
  return { adapter: count(parameters.count - head), withValueHead: count(parameters.count) };
}

/** The count in the words of the original notebook. */
export function describeParameters({ trainable, all }: ParameterCount): string {
  return `trainable model parameters: ${trainable}\n` +
    `all model parameters: ${all}\n` +
    `percentage of trainable model parameters: ${(100 * trainable / all).toFixed(2)}%`;
}

/** Reads an adapter and its value head, and checks that they are for this model. */
async function readAdapter(
  folder: string,
  model: T5ForConditionalGeneration,
): Promise<{ peft: PeftAdapter; valueHead: ValueHeadWeights | null }> {
  const path = resolveAsset(folder);
  const peft = await readPeftAdapter(path);
  const valueHead = await readValueHead(path);
  const file = join(path, "adapter_model.safetensors");
  const expected = new Map(
    loraSpecs(model.linearModules, peft.config).map(({ name, shape }) => [name, shape]),
  );
  for (const [name, { shape }] of peft.tensors) {
    const wanted = expected.get(name);
    if (!wanted) throw new UserError(`${file} is for another model: this one has no ${name}`);
    if (wanted.join() !== shape.join()) {
      throw new UserError(
        `${file} is for another model: ${name} is [${shape}], this one takes [${wanted}]`,
      );
    }
  }
  for (const name of expected.keys()) {
    if (!peft.tensors.has(name)) {
      throw new UserError(`${file} is for another model: it has no ${name}`);
    }
  }
  const { dModel } = model.config;
  if (valueHead && valueHead.weight.length !== dModel) {
    throw new UserError(
      `the value head in ${path} is for a model of width ${valueHead.weight.length}, ` +
        `this one has ${dModel}`,
    );
  }
  return { peft, valueHead };
}
