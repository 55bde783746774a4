import { z } from "../packages/zod.ts";
import { UserError } from "../errors.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import type { CheckpointTensors } from "./weight_store.ts";

/**
 * Problem that a classifier solves, `problem_type` of config.json: which of several labels a text
 * has, which of them it has at once, or how much of each.
 */
export type ProblemType =
  | "single_label_classification"
  | "multi_label_classification"
  | "regression";

const PROBLEM_TYPES: readonly unknown[] = [
  "single_label_classification",
  "multi_label_classification",
  "regression",
];

/** Keys of any classifier's config.json that say what its logits mean. */
const schema = z.object({
  // Files of people who number their labels hold numbers.
  id2label: z.record(z.string(), z.union([z.string(), z.number()]).transform(String)).nullish(),
  num_labels: z.int().positive().max(2 ** 20).nullish(),
  _num_labels: z.int().positive().max(2 ** 20).nullish(),
  problem_type: z.string().nullish(),
  initializer_range: z.number().nonnegative().nullish(),
});

/**
 * Lists the labels of a classifier in the order of their ids: the names of `id2label`, else LABEL_0,
 * LABEL_1, … up to `num_labels`, by default two.
 *
 * @param path path of config.json, for messages
 * @throws {UserError} when an id is left out, or a value is none
 */
export function labelsOf(config: Readonly<JsonObject>, path: string): string[] {
  const { id2label, num_labels, _num_labels } = read(config, path);
  if (!id2label || Object.keys(id2label).length === 0) {
    return Array.from({ length: num_labels ?? _num_labels ?? 2 }, (_, i) => `LABEL_${i}`);
  }
  const ids = Object.keys(id2label);
  const missing = ids.findIndex((_, i) => id2label[i] === undefined);
  if (missing < 0) return ids.map((_, i) => id2label[i]);
  throw new UserError(
    `${path}: "id2label" has the ids ${ids.join(", ")}, expected 0 to ${ids.length - 1}`,
  );
}

/**
 * Reads a classifier's `problem_type`; null where the file does not say.
 *
 * @param path path of config.json, for messages
 * @throws {UserError} when it is none that transformers knows
 */
export function problemTypeOf(config: Readonly<JsonObject>, path: string): ProblemType | null {
  const { problem_type: type } = read(config, path);
  if (type === undefined || type === null) return null;
  if (PROBLEM_TYPES.includes(type)) return type as ProblemType;
  throw new UserError(
    `${path}: "problem_type" is ${JSON.stringify(type)}, expected one of ${
      PROBLEM_TYPES.join(", ")
    }`,
  );
}

/**
 * Standard deviation of a new head's weights: `initializer_range` of config.json, by default
 * transformers' 0.02.
 *
 * @param path path of config.json, for messages
 * @throws {UserError} when it is no number from 0
 */
export function initializerRange(config: Readonly<JsonObject>, path: string): number {
  return read(config, path).initializer_range ?? 0.02;
}

/**
 * Maximum number of tokens of a text by the positions in any encoder's config.json: RoBERTa and
 * its kin count from pad_token_id + 1. Infinity where the file does not say.
 *
 * @param path path of config.json, for messages
 * @throws {UserError} when no position is left for a text
 */
export function positionCount(config: Readonly<JsonObject>, path: string): number {
  const rows = config.max_position_embeddings ?? Infinity;
  const fromPadding = /roberta|camembert/.test(String(config.model_type));
  const count = fromPadding ? Number(rows) - Number(config.pad_token_id ?? 1) - 1 : Number(rows);
  const isWhole = count === Infinity || Number.isInteger(count);
  // Fewer than three tokens are no more than those that begin and end a text.
  if (typeof rows === "number" && isWhole && count >= 3) return count;
  const padding = fromPadding ? `, "pad_token_id" ${JSON.stringify(config.pad_token_id)}` : "";
  throw new UserError(
    `${path}: "max_position_embeddings" is ${JSON.stringify(rows)}${padding}: expected positions ` +
      "for 3 tokens or more",
  );
}

/**
 * Checks that a checkpoint has the head of a classifier.
 *
 * @param name name of a tensor of the head
 * @param path path of config.json, for messages
 * @throws {UserError} when it has none
 */
export function checkHead(weights: CheckpointTensors, name: string, path: string): void {
  if (weights.has(name)) return;
  throw new UserError(
    `${path}: the weights have no "${name}", the head of a classifier: is it a model that generates ` +
      "text?",
  );
}

/** A config.json with this number of labels: where it has another one, its labels lose their names. */
export function withLabelCount(config: Readonly<JsonObject>, labels: number): JsonObject {
  const { id2label, label2id: _, problem_type: __, _num_labels: ___, ...rest } = config;
  const found = id2label ? Object.keys(id2label).length : config.num_labels;
  return found === labels ? { ...config } : { ...rest, num_labels: labels };
}

/**
 * config.json of a classifier with a new head: its architecture and the names of its labels, as
 * transformers writes them. One that is of a classifier with as many labels stays as it is.
 *
 * @param labels number of labels
 */
export function asClassifierConfig(config: Readonly<JsonObject>, labels: number): JsonObject {
  const own = withLabelCount(config, labels);
  if (own.id2label) return own;
  const names = Array.from({ length: labels }, (_, i) => `LABEL_${i}`);
  const architectures = Array.isArray(config.architectures) ? config.architectures.map(String) : [];
  return {
    ...own,
    architectures: architectures.map((name) =>
      name.replace(LANGUAGE_MODEL, "ForSequenceClassification")
    ),
    id2label: Object.fromEntries(names.map((name, i) => [i, name])),
    label2id: Object.fromEntries(names.map((name, i) => [name, i])),
  };
}

/** End of the name of a language model's class. */
const LANGUAGE_MODEL =
  /(ForCausalLM|(With)?LMHeadModel|ForMaskedLM|ForPreTraining|ForConditionalGeneration)$/;

function read(config: Readonly<JsonObject>, path: string): z.output<typeof schema> {
  const parsed = schema.safeParse(config);
  if (parsed.success) return parsed.data;
  const [{ path: [key], message }] = parsed.error.issues;
  throw new UserError(
    `${path}: "${String(key)}" is ${JSON.stringify(config[String(key)])}: ${message}`,
  );
}
