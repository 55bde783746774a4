import { Tokenizer } from "../data/tokenizer.ts";
import type { Device } from "../device/device.ts";
import { type ModelFiles, modelFiles } from "../formats/model_files.ts";
import { Context } from "../tensor/context.ts";
import type { ProblemType } from "./classifier_config.ts";
import { EncoderClassifier } from "./encoder_classifier.ts";
import { parseEncoderConfig } from "./encoder_config.ts";
import { CheckpointSource, FrozenStore } from "./weight_store.ts";

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
    private readonly model: EncoderClassifier,
    private readonly tokenizer: Tokenizer,
  ) {
    this.labels = model.config.labels;
    this.problemType = model.config.problemType;
    this.maxLength = Math.min(model.maxLength, tokenizer.modelMaxLength);
  }

  /**
   * Loads config.json, the weights (safetensors or PyTorch's .bin) and the tokenizer.
   *
   * @param source a folder's path, or files
   * @throws {UserError} when a file is missing, broken, or not of a RoBERTa, BERT or DistilBERT
   * classifier
   */
  static async load(
    device: Device,
    source: string | ModelFiles,
    { dtype = "f32" }: { dtype?: "f32" | "bf16" } = {},
  ): Promise<SequenceClassifier> {
    const files = modelFiles(source);
    const json = await files.requiredJson("config.json", "model");
    const config = parseEncoderConfig(json, files.pathOf("config.json"));
    const tokenizer = await Tokenizer.load(files);
    using weights = await CheckpointSource.open(files);
    const model = FrozenStore.build(
      device,
      weights,
      dtype,
      (store) => new EncoderClassifier(config, store),
    );
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
    const cx = new Context(this.device);
    try {
      const values = await this.model.logits(cx, sequences).read();
      const count = this.labels.length;
      const logits = texts.map((_, i) => [...values.subarray(i * count, (i + 1) * count)]);
      return { logits, truncated };
    } finally {
      cx.release();
    }
  }
}
