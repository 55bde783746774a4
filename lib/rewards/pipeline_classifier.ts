import { refuseForeignWasm } from "../device/turbo.ts";
import { importNativePackage } from "../platform/native_package.ts";
import { UserError } from "../errors.ts";
import {
  labelsOf,
  positionCount,
  type ProblemType,
  problemTypeOf,
} from "../models/classifier_config.ts";
import { environmentVariable } from "../platform/environment.ts";
import { fileExists } from "../platform/files.ts";
import { basename, dirname, resolve } from "../platform/paths.ts";
import { reason } from "./reward.ts";
import type { TextClassifier } from "./text_classifier.ts";

/** Parts of `@huggingface/transformers` that are used here. */
export interface TransformersModule {
  /** Global settings of the package. */
  env: { localModelPath: string; allowRemoteModels: boolean; remoteHost: string };
  /** Loads a pipeline. */
  pipeline(
    task: "text-classification",
    model: string,
    options: { dtype: "fp32"; revision?: string },
  ): Promise<TextClassificationPipeline>;
}

/** Loaded text-classification pipeline: its tokenizer and model, which give raw logits. */
export interface TextClassificationPipeline {
  /** Makes the model's inputs from texts. */
  tokenizer: {
    (texts: readonly string[], options: object): unknown;
    encode(text: string): number[];
    model_max_length: number;
  };
  /** Computes logits [texts, labels] of inputs. */
  model: {
    (inputs: unknown): Promise<{ logits: { tolist(): number[][] } }>;
    config: Record<string, unknown>;
  };
}

/**
 * Specifier of the package that no tool resolves ahead: with native code and half a gigabyte, it
 * is fetched only when a run needs a pipeline.
 */
const TRANSFORMERS = ["npm:", "@huggingface/transformers@4.3.1"].join("");

/** Text-classification model that transformers.js runs, by its name on the Hub or its folder. */
export class PipelineClassifier implements TextClassifier {
  /** Names of the labels, in the order of the logits. */
  readonly labels: readonly string[];
  /** Maximum number of tokens of a text, special tokens included. */
  readonly maxLength: number;
  /** Problem that the labels are of; null where config.json does not say. */
  readonly problemType: ProblemType | null;

  private constructor(private readonly pipeline: TextClassificationPipeline, name: string) {
    const { tokenizer, model } = pipeline;
    this.labels = labelsOf(model.config, name);
    this.problemType = problemTypeOf(model.config, name);
    // A pipeline cuts where its tokenizer says; without that, the model's positions end the text.
    this.maxLength = Math.min(
      tokenizer.model_max_length ?? Infinity,
      positionCount(model.config, name),
    );
  }

  /**
   * Loads a pipeline, in full precision.
   *
   * @param name `org/name` or `org/name@revision` on the Hub, or a folder with config.json,
   *   tokenizer.json, tokenizer_config.json and onnx/model.onnx
   * @param transformers the package; else it is imported now
   * @throws {UserError} when the package or the model does not load
   */
  static async load(
    name: string,
    transformers?: TransformersModule,
  ): Promise<PipelineClassifier> {
    const { env, pipeline } = transformers ?? await importTransformers();
    const isFolder = await fileExists(name);
    let [model, revision]: (string | undefined)[] = name.split("@");
    if (isFolder) {
      env.localModelPath = dirname(resolve(name));
      [model, revision] = [basename(resolve(name)), undefined];
    }
    env.allowRemoteModels = !isFolder;
    const endpoint = environmentVariable("HF_ENDPOINT");
    if (endpoint) env.remoteHost = endpoint;
    try {
      const options = { dtype: "fp32" as const, ...(revision ? { revision } : {}) };
      return new PipelineClassifier(
        await pipeline("text-classification", model, options),
        name,
      );
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new UserError(`the pipeline ${name} does not load: ${reason(error)}`, { cause: error });
    }
  }

  /**
   * Computes the raw logits of each text, in the order of `labels`, and counts the texts cut at
   * `maxLength`.
   */
  async logits(texts: readonly string[]): Promise<{ logits: number[][]; truncated: number }> {
    if (texts.length === 0) return { logits: [], truncated: 0 };
    const { tokenizer, model } = this.pipeline;
    const { maxLength } = this;
    const limit = Number.isFinite(maxLength) ? { max_length: maxLength } : {};
    const inputs = tokenizer(texts, { padding: true, truncation: true, ...limit });
    const { logits } = await model(inputs);
    const truncated = texts.filter((text) => tokenizer.encode(text).length > maxLength).length;
    return { logits: logits.tolist(), truncated };
  }
}

async function importTransformers(): Promise<TransformersModule> {
  refuseForeignWasm("a transformers.js pipeline");
  return await importNativePackage("a pipeline", TRANSFORMERS);
}
