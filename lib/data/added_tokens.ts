import { UserError } from "../errors.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import type { ModelFiles } from "../formats/model_files.ts";

/**
 * Adds the tokens to a vocabulary that files beside it have: `added_tokens_decoder` in
 * tokenizer_config.json, from which transformers completes a tokenizer.json as well; else, where there is
 * no tokenizer.json, added_tokens.json, `{"<sep>": 32100}`, whose tokens are special where the
 * configuration calls them so.
 *
 * @param json content of tokenizer.json, or what was made of older files in its place
 * @param config tokenizer_config.json over special_tokens_map.json
 * @returns the content with the tokens in `added_tokens`
 * @throws {UserError} when an entry is broken, or has the id of another token
 */
export async function withAddedTokens(
  files: ModelFiles,
  json: JsonObject,
  config: JsonObject,
): Promise<JsonObject> {
  const decoder = config.added_tokens_decoder;
  const path = files.pathOf(decoder ? "tokenizer_config.json" : "added_tokens.json");
  const entries: AddedEntry[] = decoder
    ? Object.entries(Object(decoder)).map(([id, token]) => ({ ...Object(token), id: Number(id) }))
    : await files.has("tokenizer.json")
    ? []
    : await fromFile(files, config);
  const own = Array.isArray(json.added_tokens) ? json.added_tokens : [];
  const known = new Set(own.map((token) => Object(token).content));
  const added = entries.filter((entry) => !known.has(checkEntry(path, entry).content));
  if (added.length === 0) return json;
  const ids = vocabularyOf(json, own);
  const owners = new Map(ids.entries().map(([content, id]) => [id, content]));
  const tokens = added.map(({ content, ...entry }) => {
    // One of the vocabulary keeps its id.
    const id = ids.get(content) ?? entry.id;
    const owner = owners.get(id);
    if (owner !== undefined && owner !== content) {
      throw new UserError(
        `${path}: the added token ${JSON.stringify(content)} has the id ${id} of another token, ${
          JSON.stringify(owner)
        }`,
      );
    }
    return {
      id,
      content,
      single_word: entry.single_word === true,
      lstrip: entry.lstrip === true,
      rstrip: entry.rstrip === true,
      normalized: entry.normalized === true,
      special: entry.special === true,
    };
  });
  return { ...json, added_tokens: [...own, ...tokens] };
}

/** A token as tokenizer.json lists it, special and with nothing taken from the text beside it. */
export function specialToken(content: string, id: unknown): JsonObject {
  return {
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  };
}

/** Token in a file, whose flags have not been checked. */
interface AddedEntry extends JsonObject {
  content: string;
  id: number;
}

function checkEntry(path: string, entry: AddedEntry): AddedEntry {
  const { id, content } = entry;
  if (typeof content === "string" && content && Number.isSafeInteger(id) && id >= 0) return entry;
  throw new UserError(
    `${path}: the added token ${JSON.stringify(content)} has the id ${
      JSON.stringify(id)
    }, expected a text and a number`,
  );
}

/** Ids of a tokenizer's tokens. */
function vocabularyOf(json: JsonObject, added: readonly unknown[]): Map<string, number> {
  const { vocab } = Object(json.model) as JsonObject;
  const ids = Array.isArray(vocab)
    ? new Map<string, number>(vocab.map((piece, id) => [Object(piece)[0], id]))
    : new Map<string, number>(Object.entries(Object(vocab)));
  for (const token of added) ids.set(Object(token).content, Object(token).id);
  return ids;
}

async function fromFile(files: ModelFiles, config: JsonObject): Promise<AddedEntry[]> {
  const ids = await files.json("added_tokens.json") ?? {};
  const special = new Set(
    Object.entries(config).flatMap(([key, value]) => key.endsWith("_tokens") ? value : [value])
      .map((token) => Object(token).content ?? token),
  );
  return Object.entries(ids).map(([content, id]) => {
    const isSpecial = special.has(content);
    return { id: id as number, content, special: isSpecial, normalized: !isSpecial };
  });
}
