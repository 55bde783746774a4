import { join } from "../../../platform/paths.ts";
import { readTemplate } from "../../../data/chat_template.ts";
import { Tokenizer } from "../../../data/tokenizer.ts";
import type { Device } from "../../../device/device.ts";
import { readAdapterValues, saveAdapter } from "../../../models/policy.ts";
import { writeFileAtomic } from "../../../platform/atomic_write.ts";
import { loadTrainableModel, saveTrainableModel } from "../../../models/trainable.ts";
import type { TrainedModel } from "../../../sft/sft_trainer.ts";
import { type Checkpointed, readTensors } from "../../folder/checkpoint.ts";
import { baseModelName } from "../../loading/locate.ts";
import { loadAdaptedModel } from "../../loading/policy.ts";
import type { ParameterCount } from "../../../models/parameter_count.ts";
import type { SftRunConfig } from "../../settings/sft_config.ts";

/** A model to be trained, or one with an adapter to be trained, and how it is saved. */
export interface SftSubject extends TrainedModel {
  /** Tokenizer of the model's folder. */
  readonly tokenizer: Tokenizer;
  /** Numbers that are trained, and all numbers of the model. */
  readonly count: ParameterCount;
  /** Folder in the run's folder for what was trained. */
  readonly folder: "adapter" | "model";
  /** Writes what was trained, in the format that the settings ask for. @throws {UserError} */
  save(folder: string): Promise<void>;
  /** Writes what is trained for a checkpoint. @throws {UserError} */
  write(folder: string): Promise<void>;
  /** Reads what `write` wrote. @throws {UserError} */
  read: Checkpointed["readTrained"];
}

/**
 * Loads what a run trains.
 *
 * @param paths folders of the model and of the adapter to go on from, where there is one
 * @throws {UserError} when something does not load
 */
export async function loadSubject(
  device: Device,
  config: SftRunConfig,
  paths: { model: string; adapter?: string },
): Promise<SftSubject> {
  const tokenizer = await Tokenizer.load(paths.model);
  if (config.full) return await wholeModel(device, paths.model, tokenizer, config.chatTemplate);
  const { model, adapter, count } = await loadAdaptedModel(device, paths, config);
  const baseModel = baseModelName(config.model);
  return {
    model,
    adapter,
    parameters: adapter.parameters,
    tokenizer,
    count,
    folder: "adapter",
    save: (folder) => saveAdapter({ model, adapter }, folder, baseModel, config.peftFormat),
    write: (folder) => saveAdapter({ model, adapter }, folder, baseModel),
    read: readAdapterValues,
  };
}

async function wholeModel(
  device: Device,
  source: string,
  tokenizer: Tokenizer,
  chatTemplate: string | null,
): Promise<SftSubject> {
  const trainable = await loadTrainableModel(device, source);
  const count = trainable.parameters.count;
  // The form of the conversations that it has learnt is a part of the model.
  const template = chatTemplate === null ? null : await readTemplate(chatTemplate);
  const save = async (folder: string) => {
    await saveTrainableModel(trainable, source, folder);
    if (template !== null) await writeFileAtomic(join(folder, "chat_template.jinja"), template);
  };
  return {
    ...trainable,
    adapter: null,
    tokenizer,
    count: { trainable: count, all: count },
    folder: "model",
    save,
    write: save,
    read: (folder) => readTensors(join(folder, "model.safetensors")),
  };
}
