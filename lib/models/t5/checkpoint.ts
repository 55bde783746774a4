import { UserError } from "../../errors.ts";
import type { JsonObject } from "../../formats/hf_config.ts";
import type { CheckpointLayout } from "../family.ts";
import type { CheckpointTensors } from "../weight_store.ts";
import type { T5Config } from "./config.ts";

/** Names of the one embedding in a checkpoint, the preferred first. */
const EMBEDDINGS: readonly string[] = [
  "shared.weight",
  "encoder.embed_tokens.weight",
  "decoder.embed_tokens.weight",
];
const HEAD = "lm_head.weight";

/** Beginning of the names of all tensors of a classifier but its head's. */
export const CLASSIFIER_BASE = "transformer.";
/** Name of a classifier's embedding. */
export const CLASSIFIER_EMBEDDING = `${CLASSIFIER_BASE}${EMBEDDINGS[0]}`;
/** Beginning of the names of a classifier's head. */
export const CLASSIFIER_HEAD = "classification_head.";

/** TRL's value head, which its checkpoints have among the weights. */
const VALUE_HEAD = "v_head.";

/**
 * Adjusts a config to the checkpoint's tensors, as transformers 5 does: an embedding may be kept
 * under any of the names that share it, and an LM head of its own is used whatever config.json says
 * of tying. That transformers 5 saves a separate head as tied is its way of writing.
 *
 * @param path path of config.json, for messages
 * @throws {UserError} when names that share one embedding have different values
 */
export function followT5Weights(
  config: T5Config,
  json: JsonObject,
  weights: CheckpointTensors,
  path: string,
): T5Config {
  const shared = namesOfEmbedding(weights).filter((name) => weights.has(name));
  const tied = config.tieWordEmbeddings;
  if (tied && shared.length === 0 && weights.has(HEAD)) shared.push(HEAD);
  const [embedding = EMBEDDINGS[0], ...others] = shared;
  const different = others.find((name) => !weights.same(embedding, name));
  if (different !== undefined) {
    throw new UserError(
      `${path}: the weights have different values in "${embedding}" and "${different}", which T5 shares`,
    );
  }
  const hasHead = weights.has(HEAD) && embedding !== HEAD;
  const ownHead = hasHead && !(tied && weights.same(embedding, HEAD));
  // Without a key of transformers 5, an untied head that is missing is a fault of the files.
  const expectsHead = !tied && json.scale_decoder_outputs === undefined;
  return { ...config, embedding, tieWordEmbeddings: !ownHead && !expectsHead };
}

/**
 * Places of a model's layers in its checkpoint. A classifier has them under other names than a language
 * model, and PEFT names the layers of what it adapts.
 *
 * @param config the one that follows the checkpoint
 */
export function t5Layout(config: T5Config, weights: CheckpointTensors): CheckpointLayout {
  const { embedding, tieWordEmbeddings } = config;
  const names = [...namesOfEmbedding(weights), ...tieWordEmbeddings ? [HEAD] : []];
  const repeated = names.filter((name) => name !== embedding);
  const isClassifier = hasClassifierNames(weights);
  return {
    repeated,
    weight(module) {
      const own = !isClassifier && module.startsWith(CLASSIFIER_BASE)
        ? module.slice(CLASSIFIER_BASE.length)
        : module;
      return { name: `${own}.weight`, fanInFanOut: false };
    },
    inClassifier(name) {
      if (name === embedding) return CLASSIFIER_EMBEDDING;
      const isLeftOut = name === HEAD || repeated.includes(name) || name.startsWith(VALUE_HEAD);
      if (isLeftOut) return null;
      return isClassifier || name.startsWith(CLASSIFIER_HEAD) ? name : CLASSIFIER_BASE + name;
    },
  };
}

/** Names that the embedding may have in a checkpoint. */
function namesOfEmbedding(weights: CheckpointTensors): string[] {
  const base = hasClassifierNames(weights) ? CLASSIFIER_BASE : "";
  return EMBEDDINGS.map((name) => base + name);
}

/** Tells whether a checkpoint is of a classifier, whose names begin with {@linkcode CLASSIFIER_BASE}. */
export function hasClassifierNames(weights: CheckpointTensors): boolean {
  return EMBEDDINGS.some((name) => weights.has(CLASSIFIER_BASE + name));
}
