import { z } from "../packages/zod.ts";
import { UserError } from "../errors.ts";

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
}

const size = z.int().positive();
const activation = z.enum(["gelu", "gelu_new", "relu"]).default("gelu");
const labels = z.record(z.string(), z.string()).default({ 0: "LABEL_0", 1: "LABEL_1" });

/** Keys that RoBERTa and BERT have in common; defaults are those of transformers. */
const shared = z.object({
  vocab_size: size.default(30522),
  hidden_size: size.default(768),
  num_hidden_layers: size.default(12),
  num_attention_heads: size.default(12),
  intermediate_size: size.default(3072),
  hidden_act: activation,
  max_position_embeddings: size.default(512),
  type_vocab_size: size.default(2),
  layer_norm_eps: z.number().positive().default(1e-12),
  position_embedding_type: z.literal("absolute").default("absolute"),
  id2label: labels,
});

/** Keys of a classifier's config.json that are read, by `model_type`. */
const schema = z.discriminatedUnion("model_type", [
  shared.extend({
    model_type: z.literal("roberta"),
    vocab_size: size.default(50265),
    pad_token_id: z.int().nonnegative().default(1),
  }),
  shared.extend({
    model_type: z.literal("bert"),
    pad_token_id: z.int().nonnegative().default(0),
  }),
  z.object({
    model_type: z.literal("distilbert"),
    vocab_size: size.default(30522),
    dim: size.default(768),
    n_layers: size.default(6),
    n_heads: size.default(12),
    hidden_dim: size.default(3072),
    activation,
    max_position_embeddings: size.default(512),
    pad_token_id: z.int().nonnegative().default(0),
    id2label: labels,
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
  const c = parsed.data;
  const common = {
    modelType: c.model_type,
    vocabSize: c.vocab_size,
    maxPositions: c.max_position_embeddings,
    padTokenId: c.pad_token_id,
    labels: labelsOf(c.id2label, path),
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
      activation: c.activation,
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
    activation: c.hidden_act,
    typeVocabSize: c.type_vocab_size,
    layerNormEps: c.layer_norm_eps,
  };
}

/**
 * Lists the labels of a config.json in the order of their ids.
 *
 * @param id2label names by id, the ids 0, 1, … as keys
 * @param path path of the file, for messages
 * @throws {UserError} when an id is left out
 */
export function labelsOf(id2label: Readonly<Record<string, string>>, path: string): string[] {
  const ids = Object.keys(id2label);
  const missing = ids.findIndex((_, i) => id2label[i] === undefined);
  if (missing < 0) return ids.map((_, i) => id2label[i]);
  throw new UserError(
    `${path}: "id2label" has the ids ${ids.join(", ")}, expected 0 to ${ids.length - 1}`,
  );
}

/**
 * Maximum number of tokens of a text by the positions in any encoder's config.json: RoBERTa and
 * its kin count from pad_token_id + 1. Infinity where the file does not say.
 */
export function positionCount(config: Readonly<Record<string, unknown>>): number {
  const rows = Number(config.max_position_embeddings ?? Infinity);
  const fromPadding = /roberta|camembert/.test(String(config.model_type));
  return fromPadding ? rows - Number(config.pad_token_id ?? 1) - 1 : rows;
}
