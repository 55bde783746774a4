import type { InferenceSession, Tensor } from "../packages/onnxruntime.ts";
import { Tokenizer } from "../data/tokenizer.ts";
import { refuseForeignWasm } from "../device/turbo.ts";
import { importAsset } from "../../assets.ts";
import { UserError } from "../errors.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import { type ModelFiles, modelFiles } from "../formats/model_files.ts";
import {
  labelsOf,
  positionCount,
  type ProblemType,
  problemTypeOf,
} from "../models/classifier_config.ts";
import { reason } from "./reward.ts";
import type { TextClassifier } from "./text_classifier.ts";

/** Names of a model in ONNX form: as on the Hub, or as `optimum-cli export onnx` leaves it. */
const MODEL_FILES = ["onnx/model.onnx", "model.onnx"];

/** Finds the ONNX model among files. Returns its name, null when there is none. */
export async function findOnnxModel(source: string | ModelFiles): Promise<string | null> {
  const files = modelFiles(source);
  for (const name of MODEL_FILES) if (await files.has(name)) return name;
  return null;
}

/**
 * Sequence classifier of any architecture in ONNX form, run by onnxruntime-web's WebAssembly on
 * one thread.
 */
export class OnnxClassifier implements TextClassifier {
  private constructor(
    private readonly runtime: typeof import("../packages/onnxruntime.ts"),
    private readonly session: InferenceSession,
    private readonly tokenizer: Tokenizer,
    /** Names of the labels, in the order of the logits. */
    readonly labels: readonly string[],
    /** Problem that the labels are of; null where config.json does not say. */
    readonly problemType: ProblemType | null,
    /** Maximum number of tokens of a text, special tokens included. */
    readonly maxLength: number,
    private readonly padTokenId: number,
  ) {}

  /**
   * Loads config.json, onnx/model.onnx (or model.onnx) and the tokenizer's files.
   *
   * @param source a folder's path, or files
   * @throws {UserError} when a file is missing or broken, or the model asks for other inputs than
   *   those of a text classifier
   */
  static async load(source: string | ModelFiles): Promise<OnnxClassifier> {
    refuseForeignWasm("an ONNX model");
    const files = modelFiles(source);
    const config = await files.requiredJson("config.json", "model");
    const name = await findOnnxModel(files);
    const bytes = name && await files.bytes(name);
    if (!bytes) throw new UserError(`${files.path} has no ONNX model: expected ${MODEL_FILES[0]}`);
    const path = files.pathOf(name);
    const tokenizer = await Tokenizer.load(files);
    const runtime = await importAsset<typeof import("../packages/onnxruntime.ts")>(
      "lib/packages/onnxruntime.ts",
    );
    runtime.env.wasm.numThreads = 1;
    runtime.env.logLevel = "error";
    let session: InferenceSession;
    try {
      session = await runtime.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
    } catch (error) {
      throw new UserError(`${path} is not an ONNX model: ${reason(error)}`, { cause: error });
    }
    const unknown = session.inputNames.filter((name) => !INPUTS.includes(name));
    if (unknown.length > 0 || !session.outputNames.includes("logits")) {
      throw new UserError(
        `${path} is not a text classifier: it has the inputs ${
          session.inputNames.join(", ")
        } and ` +
          `the outputs ${session.outputNames.join(", ")}, expected ${INPUTS.join(", ")} and logits`,
      );
    }
    const configPath = files.pathOf("config.json");
    const padTokenId = paddingOf(config, tokenizer, configPath);
    const maxLength = Math.min(tokenizer.modelMaxLength, positionCount(config, configPath));
    return new OnnxClassifier(
      runtime,
      session,
      tokenizer,
      labelsOf(config, configPath),
      problemTypeOf(config, configPath),
      maxLength,
      padTokenId,
    );
  }

  /**
   * Computes the raw logits of each text, in the order of `labels`, and counts the texts cut at
   * `maxLength`.
   */
  async logits(texts: readonly string[]): Promise<{ logits: number[][]; truncated: number }> {
    if (texts.length === 0) return { logits: [], truncated: 0 };
    let truncated = 0;
    const sequences = texts.map((text) => {
      const ids = this.tokenizer.encode(text);
      if (ids.length <= this.maxLength) return ids;
      truncated++;
      return this.tokenizer.encode(text, { maxLength: this.maxLength });
    });
    const { logits } = await this.session.run(this.#feeds(sequences));
    const values = await logits.getData() as Float32Array;
    const count = this.labels.length;
    if (values.length !== count * texts.length) {
      throw new UserError(
        `the ONNX classifier returned ${values.length / texts.length} logits per text for the ` +
          `${count} labels of its config.json`,
      );
    }
    return {
      logits: texts.map((_, i) => [...values.subarray(i * count, (i + 1) * count)]),
      truncated,
    };
  }

  /** Pads a batch on the right: ONNX classifiers take nothing else. */
  #feeds(sequences: readonly (readonly number[])[]): Record<string, Tensor> {
    const width = Math.max(...sequences.map((ids) => ids.length));
    const shape = [sequences.length, width];
    const ids = new BigInt64Array(sequences.length * width).fill(BigInt(this.padTokenId));
    const mask = new BigInt64Array(ids.length);
    sequences.forEach((sequence, row) => {
      ids.set(sequence.map(BigInt), row * width);
      mask.fill(1n, row * width, row * width + sequence.length);
    });
    const values: Record<string, BigInt64Array> = {
      input_ids: ids,
      attention_mask: mask,
      token_type_ids: new BigInt64Array(ids.length),
    };
    const { Tensor } = this.runtime;
    return Object.fromEntries(
      this.session.inputMetadata.map((input) => {
        const data = values[input.name];
        const isInt32 = input.isTensor && input.type === "int32";
        return [
          input.name,
          isInt32
            ? new Tensor("int32", Int32Array.from(data, Number), shape)
            : new Tensor("int64", data, shape),
        ];
      }),
    );
  }
}

/** Id that fills a batch. What it is does not matter where the mask leaves it out, but it is looked up. */
function paddingOf(config: JsonObject, tokenizer: Tokenizer, path: string): number {
  const id = config.pad_token_id ?? tokenizer.padTokenId ?? 0;
  const { vocab_size: size = Infinity } = config;
  if (Number.isSafeInteger(id) && Number(id) >= 0 && Number(id) < Number(size)) return Number(id);
  throw new UserError(
    `${path}: "pad_token_id" is ${
      JSON.stringify(id)
    }, expected a token below "vocab_size", ${size}`,
  );
}

const INPUTS: readonly string[] = ["input_ids", "attention_mask", "token_type_ids"];
