import { Tokenizer } from "../data/tokenizer.ts";
import type { Device } from "../device/device.ts";
import { UserError } from "../errors.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import { type ModelFiles, modelFiles } from "../formats/model_files.ts";
import { type PeftAdapter, readPeftAdapter } from "../formats/peft.ts";
import { Context } from "../tensor/context.ts";
import { AdaptedSource } from "./adapted_source.ts";
import { adapterChanges } from "./adapter_changes.ts";
import { type ProblemType, withLabelCount } from "./classifier_config.ts";
import type { ClassifierModel } from "./classifier_model.ts";
import { configureClassifier } from "./classifier_registry.ts";
import { ClassifierSource } from "./classifier_source.ts";
import type { CheckpointLayout, LoadOptions } from "./family.ts";
import { checkWeights } from "./outline.ts";
import { checkpointLayout } from "./registry.ts";
import { CheckpointSource, FrozenStore } from "./weight_store.ts";

/** Options of loading a classifier. */
export interface ClassifierOptions extends LoadOptions {
  /** Folder, or files, of a PEFT LoRA adapter for it, of the task SEQ_CLS. */
  adapter?: string | ModelFiles;
}

/** Classifier of texts with its tokenizer: texts in, logits out. */
export class SequenceClassifier {
  /** Names of the labels, in the order of the logits. */
  readonly labels: readonly string[];
  /** Problem that the labels are of; null where config.json does not say. */
  readonly problemType: ProblemType | null;
  /** Maximum number of tokens of a text, special tokens included; longer texts are cut. */
  readonly maxLength: number;

  private constructor(
    private readonly device: Device,
    private readonly model: ClassifierModel,
    private readonly tokenizer: Tokenizer,
  ) {
    this.labels = model.labels;
    this.problemType = model.problemType;
    this.maxLength = Math.min(model.maxLength, tokenizer.modelMaxLength);
  }

  /**
   * Loads config.json, the weights (safetensors or PyTorch's .bin) and the tokenizer.
   *
   * @param source a folder's path, or files
   * @throws {UserError} when a file is missing, broken, or not of a classifier that Temper computes:
   * RoBERTa, BERT, DistilBERT, T5, or a decoder-only model
   * @throws {OutOfMemoryError} when the weights do not fit
   */
  static async load(
    device: Device,
    source: string | ModelFiles,
    { dtype = "f32", adapter }: ClassifierOptions = {},
  ): Promise<SequenceClassifier> {
    const files = modelFiles(source);
    const path = files.pathOf("config.json");
    const peft = adapter === undefined ? null : await readClassifierAdapter(adapter);
    const json = labeledConfig(await files.requiredJson("config.json", "model"), peft);
    const { configure } = configureClassifier(json, path);
    const tokenizer = await Tokenizer.load(files);
    using checkpoint = await CheckpointSource.open(files);
    const layout = checkpointLayout(json, path, checkpoint);
    const adapted = peft ? adaptedSource(checkpoint, layout, peft) : checkpoint;
    const weights = new ClassifierSource(adapted, layout);
    const build = configure(weights);
    checkWeights(device, build, weights, dtype);
    const model = FrozenStore.build(device, weights, dtype, (store) => build(device, store));
    return new SequenceClassifier(device, model, tokenizer);
  }

  /**
   * Computes the raw logits of each text, in the order of `labels`, and counts the texts cut at
   * `maxLength`.
   */
  async logits(
    texts: readonly string[],
  ): Promise<{ logits: number[][]; truncated: number }> {
    if (texts.length === 0) return { logits: [], truncated: 0 };
    let truncated = 0;
    const sequences = texts.map((text) => {
      const ids = this.tokenizer.encode(text);
      if (ids.length <= this.maxLength) return ids;
      truncated++;
      return this.tokenizer.encode(text, { maxLength: this.maxLength });
    });
    return { logits: await this.tokenLogits(sequences), truncated };
  }

  /**
   * Computes the raw logits of sequences of tokens, in the order of `labels`.
   *
   * @throws {UserError} when a token is not in the vocabulary, or a sequence has none or too many
   */
  async tokenLogits(sequences: readonly (readonly number[])[]): Promise<number[][]> {
    const cx = new Context(this.device);
    try {
      const values = await this.model.logits(cx, sequences).read();
      const count = this.labels.length;
      return sequences.map((_, i) => [...values.subarray(i * count, (i + 1) * count)]);
    } finally {
      cx.release();
    }
  }
}

/** An adapter, and its path for messages. */
export interface ReadAdapter extends PeftAdapter {
  readonly path: string;
}

/** Reads an adapter. @throws {UserError} when it is broken, or not a classifier's */
export async function readClassifierAdapter(source: string | ModelFiles): Promise<ReadAdapter> {
  const { path } = modelFiles(source);
  const adapter = await readPeftAdapter(source);
  const { taskType } = adapter.config;
  if (taskType === null || taskType === "SEQ_CLS") return { ...adapter, path };
  throw new UserError(
    `the adapter in ${path} is for another model: its task_type is ${taskType}, a classifier's is SEQ_CLS`,
  );
}

/** A config.json with the number of labels of the head in an adapter: PEFT does not save that number. */
export function labeledConfig(json: JsonObject, adapter: PeftAdapter | null): JsonObject {
  const labels = adapter && labelCount(adapter);
  return labels === null ? json : withLabelCount(json, labels);
}

/** Last layers of the heads of classifiers. */
const LOGITS = [
  "score.weight",
  "classifier.out_proj.weight",
  "classifier.weight",
  "classification_head.out_proj.weight",
];

/** Number of labels of the head that an adapter brings along; null where it has none. */
export function labelCount({ replaced }: PeftAdapter): number | null {
  const name = LOGITS.find((name) => replaced?.has(name));
  return name === undefined ? null : replaced!.get(name)!.shape[0];
}

function adaptedSource(
  source: CheckpointSource,
  layout: CheckpointLayout,
  adapter: ReadAdapter,
): AdaptedSource {
  const { checkpoint } = source;
  const changes = adapterChanges(checkpoint, layout, adapter, adapter.path, { mayAdd: true });
  return new AdaptedSource(source, changes);
}
