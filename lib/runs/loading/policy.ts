import { Tokenizer } from "../../data/tokenizer.ts";
import type { Device } from "../../device/device.ts";
import type { JsonObject } from "../../formats/hf_config.ts";
import type { DownloadHooks } from "../../hub/download.ts";
import { recommendedSampling } from "../../models/generation_file.ts";
import type { ParameterCount } from "../../models/parameter_count.ts";
import {
  createAdapter,
  createPolicy,
  loadAdapter,
  loadPolicy,
  type Policy,
} from "../../models/policy.ts";
import { loadLanguageModel } from "../../models/registry.ts";
import type { AdaptedModel } from "../../training/adapter_trainer.ts";
import type { TrainConfig } from "../settings/config.ts";
import { loraConfigOf, type LoraSettings } from "../settings/lora.ts";
import { locate } from "./locate.ts";
import type { SourcePaths } from "./sources.ts";

/** Settings that a policy is made from. */
export type PolicySettings =
  & Pick<TrainConfig, "model" | "adapter" | "dtype" | "seed">
  & LoraSettings;

/** A policy with its tokenizer. */
export interface RunPolicy extends Policy {
  /** Tokenizer of the model's folder. */
  readonly tokenizer: Tokenizer;
  /** Settings of the model's generation_config.json by which transformers would draw tokens. */
  readonly recommendedSampling: JsonObject;
}

/**
 * Loads a run's model and tokenizer, with the adapter that is named or a fresh one.
 *
 * @throws {UserError} when a file is missing or broken, or the adapter is for another model
 */
export async function loadRunPolicy(
  device: Device,
  settings: PolicySettings,
  hooks: DownloadHooks = {},
): Promise<RunPolicy> {
  const folder = await locate("model", settings.model, hooks);
  const tokenizer = await Tokenizer.load(folder);
  const model = await loadLanguageModel(device, folder, settings);
  const { adapter, seed } = settings;
  const policy = adapter === null
    ? createPolicy(model, loraConfigOf(settings), seed)
    : await loadPolicy(model, await locate("model", adapter, hooks), seed);
  return { ...policy, tokenizer, recommendedSampling: await recommendedSampling(folder) };
}

/** A model with the adapter that a run without a value head trains. */
export interface LoadedAdapter extends AdaptedModel {
  /** Numbers that are trained, and all numbers of the model. */
  readonly count: ParameterCount;
}

/**
 * Loads a run's model, with the adapter to start from or a fresh one.
 *
 * @throws {UserError} when a file is missing or broken, or the adapter is for another model
 */
export async function loadAdaptedModel(
  device: Device,
  paths: Pick<SourcePaths, "model" | "adapter">,
  settings: Omit<PolicySettings, "model" | "adapter">,
): Promise<LoadedAdapter> {
  const model = await loadLanguageModel(device, paths.model, settings);
  const adapter = paths.adapter === undefined
    ? createAdapter(model, loraConfigOf(settings), settings.seed)
    : await loadAdapter(model, paths.adapter, { trainable: true });
  const trainable = adapter.parameters.count;
  return { model, adapter, count: { trainable, all: model.parameterCount + trainable } };
}

/** Hooks of loading a policy that generates. */
export interface GeneratorHooks extends DownloadHooks {
  /** Called with a line for people. */
  info?(text: string): void;
}

/** Says which recommendations for drawing tokens a policy does not follow. */
export function noteRecommendations(
  { recommendedSampling }: Pick<RunPolicy, "recommendedSampling">,
  hooks: GeneratorHooks,
): void {
  const names = Object.entries(recommendedSampling)
    .map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  if (names.length === 0) return;
  hooks.info?.(
    `the model's generation_config.json recommends ${
      names.join(", ")
    }: not followed, set options ` +
      "to draw tokens so",
  );
}
