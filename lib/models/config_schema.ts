import { z } from "../packages/zod.ts";
import { UserError } from "../errors.ts";
import type { JsonObject } from "../formats/hf_config.ts";

/** Schema of a width or a number of heads. */
export const widthSchema = z.int().positive().max(2 ** 20);
/** Schema of a number of layers. */
export const layersSchema = z.int().positive().max(1000);
/** Schema of a number of table rows, such as a vocabulary. */
export const rowsSchema = z.int().positive().max(2 ** 24);
/** Schema of a token id. */
export const tokenIdSchema = z.int().nonnegative();
/** Schema of one or several token ids. */
export const tokenIdsSchema = z.union([tokenIdSchema, z.array(tokenIdSchema)], {
  error: "expected a token id or a list of them",
});
/** Schema of the number that a norm adds to a variance. */
export const epsilonSchema = z.number().positive().max(0.1);
/** Schema of a probability of dropout. */
export const dropoutSchema = z.number().min(0).lt(1);

/**
 * Reads a parsed config.json by a schema.
 *
 * @param path path of the file, for messages
 * @param supported models that the schema is for, to end the message with
 * @throws {UserError} naming the key that is missing or unsupported, and its value
 */
export function parseKeys<Schema extends z.ZodType>(
  schema: Schema,
  json: JsonObject,
  path: string,
  supported: string,
): z.output<Schema> {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const key = issue.path.map(String).join(".");
  const found = JSON.stringify(issue.path.reduce(entryOf, json)) ?? "missing";
  throw new UserError(`${path}: "${key}" is ${found}: ${issue.message}; ${supported}`);
}

function entryOf(value: unknown, key: PropertyKey): unknown {
  return (value as Record<PropertyKey, unknown> | null | undefined)?.[key];
}

/**
 * Checks that token ids are in the vocabulary.
 *
 * @param key name of the setting that they are from, for the message
 * @throws {UserError} naming the first one that is not
 */
export function checkTokenIds(
  path: string,
  key: string,
  ids: readonly number[],
  vocabSize: number,
): void {
  const bad = ids.find((id) => id >= vocabSize);
  if (bad === undefined) return;
  throw new UserError(
    `${path}: "${key}" is ${bad}, expected a token below "vocab_size", ${vocabSize}`,
  );
}

/** Id of the padding token; null for one beyond the vocabulary, as of some converted files: no text has it. */
export function padTokenIn(id: number | null | undefined, vocabSize: number): number | null {
  return id != null && id < vocabSize ? id : null;
}

/**
 * Puts values under a family's own keys where a file has them under transformers' common names.
 *
 * @param aliases own key of each common name
 * @throws {UserError} when a file has different values under both
 */
export function resolveAliases(
  json: JsonObject,
  aliases: Readonly<Record<string, string>>,
  path: string,
): JsonObject {
  const own = { ...json };
  for (const [alias, key] of Object.entries(aliases)) {
    const value = own[alias] ?? undefined;
    if (value !== undefined && own[key] !== undefined && own[key] !== value) {
      throw new UserError(
        `${path}: "${alias}" is ${JSON.stringify(value)} and "${key}" is ${
          JSON.stringify(own[key])
        }, two names of one size: remove one`,
      );
    }
    if (value !== undefined) own[key] = value;
  }
  return own;
}
