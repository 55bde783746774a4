import { join } from "../../../platform/paths.ts";
import { readTemplate } from "../../../data/chat_template.ts";
import { Tokenizer } from "../../../data/tokenizer.ts";
import type { Device } from "../../../device/device.ts";
import { readPeftAdapter } from "../../../formats/peft.ts";
import { mergeAdapter } from "../../../models/merge.ts";
import {
  loadClassifierAdapter,
  loadTrainableClassifier,
  saveClassifierAdapter,
  saveTrainableClassifier,
  type TrainableClassifier,
} from "../../../models/trainable_classifier.ts";
import { writeFileAtomic } from "../../../platform/atomic_write.ts";
import { removeFolder } from "../../../platform/files.ts";
import { temporaryPath } from "../../../platform/temporary_name.ts";
import { type Checkpointed, readTensors } from "../../folder/checkpoint.ts";
import { baseModelName } from "../../loading/locate.ts";
import type { ParameterCount } from "../../../models/parameter_count.ts";
import { loraConfigOf } from "../../settings/lora.ts";
import type { RewardRunConfig } from "../../settings/reward_config.ts";

/** A classifier to be trained, and how it is saved. */
export interface RewardSubject {
  readonly trained: TrainableClassifier;
  readonly tokenizer: Tokenizer;
  /** Numbers that are trained, and all numbers of the model. */
  readonly count: ParameterCount;
  /** Folder in the run's folder for what was trained. */
  readonly folder: "adapter" | "model";
  /** Writes what was trained, in the form that the settings ask for. @throws {UserError} */
  save(folder: string): Promise<void>;
  /** Writes what is trained for a checkpoint. @throws {UserError} */
  write(folder: string): Promise<void>;
  /** Reads what `write` wrote. @throws {UserError} */
  read: Checkpointed["readTrained"];
}

/**
 * Loads what a run trains: a model without a head gets a new one.
 *
 * @param paths folders of the model and of the adapter to go on from, where there is one
 * @throws {UserError} when something does not load, or the model is a classifier with several labels
 */
export async function loadRewardSubject(
  device: Device,
  config: RewardRunConfig,
  paths: { model: string; adapter?: string },
): Promise<RewardSubject> {
  const tokenizer = await Tokenizer.load(paths.model);
  const options = { labels: 1, seed: config.seed };
  // The form of the conversations that it has learnt is a part of the model.
  const template = config.chatTemplate === null ? null : await readTemplate(config.chatTemplate);
  const addTemplate = async (folder: string) => {
    if (template !== null) await writeFileAtomic(join(folder, "chat_template.jinja"), template);
  };
  if (config.full) {
    const trained = await loadTrainableClassifier(device, paths.model, options);
    const { count } = trained.parameters;
    const save = async (folder: string) => {
      await saveTrainableClassifier(trained, paths.model, folder);
      await addTemplate(folder);
    };
    return {
      trained,
      tokenizer,
      count: { trainable: count, all: count },
      folder: "model",
      save,
      write: save,
      read: (folder) => readTensors(join(folder, "model.safetensors")),
    };
  }
  const lora = paths.adapter === undefined
    ? loraConfigOf({ ...config, loraDropout: 0 })
    : { adapter: paths.adapter };
  const trained = await loadClassifierAdapter(device, paths.model, lora, {
    ...options,
    dtype: config.dtype,
  });
  const write = (folder: string) =>
    saveClassifierAdapter(trained, folder, baseModelName(config.model));
  const saveMerged = async (folder: string) => {
    const adapter = temporaryPath(folder);
    try {
      await write(adapter);
      await mergeAdapter(paths.model, adapter, folder);
    } finally {
      await removeFolder(adapter).catch(() => {});
    }
    await addTemplate(folder);
  };
  const { model, parameters } = trained;
  const updates = parameters.names.filter((name) => /\.lora_[AB]\.weight$/.test(name));
  const added = updates.reduce((sum, name) => sum + parameters.get(name).length, 0);
  return {
    trained,
    tokenizer,
    count: { trainable: parameters.count, all: model.parameterCount + added },
    folder: config.merge ? "model" : "adapter",
    save: config.merge ? saveMerged : write,
    write,
    read: readAdapter,
  };
}

/** Reads the updates and the head of a classifier's adapter. */
async function* readAdapter(
  folder: string,
): AsyncGenerator<readonly [name: string, values: Float32Array]> {
  const { tensors, replaced } = await readPeftAdapter(folder);
  for (const [name, { data }] of [...tensors, ...replaced ?? []]) yield [name, data];
}
