import { z } from "../packages/zod.ts";
import { UserError } from "../errors.ts";
import { checkConfigKeys, COMMON_KEYS } from "../formats/config_keys.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import { labelsOf, positionCount, type ProblemType, problemTypeOf } from "./classifier_config.ts";
import { BERT_KEYS, DISTILBERT_KEYS } from "./encoder_keys.ts";

/** Sizes and labels of a sequence classifier on an encoder of BERT's kind. */
export interface EncoderConfig {
  /** Family, which decides the tensors' names and the head. */
  modelType: "roberta" | "bert" | "distilbert";
  /** Rows of the word embedding. */
  vocabSize: number;
  /** Width of the hidden states. */
  hiddenSize: number;
  /** Layers of the encoder. */
  numLayers: number;
  /** Heads of each attention. */
  numHeads: number;
  /** Width inside the feed-forward layers. */
  intermediateSize: number;
  /** Activation of the feed-forward layers. */
  activation: "gelu" | "gelu_new" | "relu";
  /** Rows of the position embedding. */
  maxPositions: number;
  /** Rows of the token type embedding; 0 where the model has none. */
  typeVocabSize: number;
  /** Epsilon added to the variance in layer norms. */
  layerNormEps: number;
  /** Id of the padding token. */
  padTokenId: number;
  /** Label names, by their index among the logits. */
  labels: string[];
  /** Problem that the labels are of; null where config.json does not say. */
  problemType: ProblemType | null;
}

/** Names of transformers for the functions; some have several. */
const ACTIVATIONS: Readonly<Record<string, EncoderConfig["activation"]>> = {
  gelu: "gelu",
  gelu_python: "gelu",
  gelu_new: "gelu_new",
  gelu_fast: "gelu_new",
  gelu_accurate: "gelu_new",
  gelu_pytorch_tanh: "gelu_new",
  gelu_python_tanh: "gelu_new",
  relu: "relu",
};

const rows = z.int().positive().max(2 ** 24);
const width = z.int().positive().max(2 ** 20);
const layers = z.int().positive().max(1000);
const activation = z.enum(Object.keys(ACTIVATIONS)).default("gelu");
const tokenId = z.int().nonnegative();

/** Keys that RoBERTa and BERT have in common; defaults are those of transformers. */
const shared = z.object({
  vocab_size: rows.default(30522),
  hidden_size: width.default(768),
  num_hidden_layers: layers.default(12),
  num_attention_heads: width.default(12),
  intermediate_size: width.default(3072),
  hidden_act: activation,
  max_position_embeddings: rows.default(512),
  type_vocab_size: rows.default(2),
  layer_norm_eps: z.number().positive().max(0.1).default(1e-12),
  position_embedding_type: z.literal("absolute").nullish(),
});

/** Keys of a classifier's config.json that are read, by `model_type`. */
const schema = z.discriminatedUnion("model_type", [
  shared.extend({
    model_type: z.literal("roberta"),
    vocab_size: rows.default(50265),
    pad_token_id: tokenId.default(1),
  }),
  shared.extend({
    model_type: z.literal("bert"),
    pad_token_id: tokenId.nullish(),
  }),
  z.object({
    model_type: z.literal("distilbert"),
    vocab_size: rows.default(30522),
    dim: width.default(768),
    n_layers: layers.default(6),
    n_heads: width.default(12),
    hidden_dim: width.default(3072),
    activation,
    max_position_embeddings: rows.default(512),
    pad_token_id: tokenId.nullish(),
  }),
]);

/** Model types that {@linkcode parseEncoderConfig} reads. */
export const ENCODER_TYPES: readonly string[] = ["roberta", "bert", "distilbert"];

/**
 * Reads a parsed config.json.
 *
 * @param path path of the file, for messages
 * @throws {UserError} naming the key that is missing or unsupported, and its value
 */
export function parseEncoderConfig(json: unknown, path: string): EncoderConfig {
  const found = (key: string) =>
    JSON.stringify((json as Record<string, unknown> | null)?.[key]) ?? "missing";
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const [key] = issue.path.map(String);
    if (key === undefined || key === "model_type") {
      throw new UserError(
        `${path}: "model_type" is ${found("model_type")}, expected one of ${
          ENCODER_TYPES.join(", ")
        }; a classifier of another type can be used in ONNX form, named as onnx:FOLDER`,
      );
    }
    throw new UserError(`${path}: "${key}" is ${found(key)}: ${issue.message}`);
  }
  const config = json as JsonObject;
  const c = parsed.data;
  const keys = c.model_type === "distilbert" ? DISTILBERT_KEYS : BERT_KEYS;
  checkConfigKeys(config, path, [keys, COMMON_KEYS]);
  const padTokenId = c.pad_token_id ?? 0;
  if (padTokenId >= c.vocab_size) {
    throw new UserError(
      `${path}: "pad_token_id" is ${padTokenId}, expected a token below "vocab_size", ${c.vocab_size}`,
    );
  }
  // Texts too long for the positions are cut, which takes room for a text.
  positionCount({ ...c }, path);
  const common = {
    modelType: c.model_type,
    vocabSize: c.vocab_size,
    maxPositions: c.max_position_embeddings,
    padTokenId,
    labels: labelsOf(config, path),
    problemType: problemTypeOf(config, path),
  };
  const [width, heads] = c.model_type === "distilbert"
    ? [c.dim, c.n_heads]
    : [c.hidden_size, c.num_attention_heads];
  if (width % heads !== 0) {
    throw new UserError(
      `${path}: ${heads} attention heads cannot share a hidden size of ${width}: expected a multiple`,
    );
  }
  if (c.model_type === "distilbert") {
    return {
      ...common,
      hiddenSize: c.dim,
      numLayers: c.n_layers,
      numHeads: c.n_heads,
      intermediateSize: c.hidden_dim,
      activation: ACTIVATIONS[c.activation],
      typeVocabSize: 0,
      // Not configurable in transformers.
      layerNormEps: 1e-12,
    };
  }
  return {
    ...common,
    hiddenSize: c.hidden_size,
    numLayers: c.num_hidden_layers,
    numHeads: c.num_attention_heads,
    intermediateSize: c.intermediate_size,
    activation: ACTIVATIONS[c.hidden_act],
    typeVocabSize: c.type_vocab_size,
    layerNormEps: c.layer_norm_eps,
  };
}
