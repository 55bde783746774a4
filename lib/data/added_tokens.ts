import { UserError } from "../errors.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import type { ModelFiles } from "../formats/model_files.ts";

/**
 * Reads the tokens that were added to a tokenizer's vocabulary from the older files, as
 * tokenizer.json lists them: `added_tokens_decoder` in tokenizer_config.json, else
 * added_tokens.json, `{"<sep>": 32100}`, whose tokens are special where the configuration calls
 * them so.
 *
 * @param config tokenizer_config.json over special_tokens_map.json.
 * @param known tokens to leave out: those that the tokenizer has already.
 * @throws UserError when an entry is broken.
 */
export async function readAddedTokens(
  files: ModelFiles,
  config: JsonObject,
  known: ReadonlySet<string>,
): Promise<JsonObject[]> {
  const decoder = config.added_tokens_decoder;
  const file = decoder ? "tokenizer_config.json" : "added_tokens.json";
  const entries = decoder
    ? Object.entries(Object(decoder)).map(([id, token]) => ({ id: Number(id), ...Object(token) }))
    : await fromFile(files, config);
  for (const { id, content } of entries) {
    if (typeof content === "string" && content && Number.isSafeInteger(id) && id >= 0) continue;
    throw new UserError(
      `${files.pathOf(file)}: the added token ${JSON.stringify(content)} has the id ${
        JSON.stringify(id)
      }, expected a text and a number`,
    );
  }
  return entries
    .filter(({ content }) => !known.has(content))
    .map(({ id, content, ...flags }) => ({
      id,
      content,
      single_word: flags.single_word === true,
      lstrip: flags.lstrip === true,
      rstrip: flags.rstrip === true,
      normalized: flags.normalized === true,
      special: flags.special === true,
    }));
}

async function fromFile(files: ModelFiles, config: JsonObject): Promise<JsonObject[]> {
  const ids = await files.json("added_tokens.json") ?? {};
  const special = new Set(
    Object.entries(config).flatMap(([key, value]) => key.endsWith("_tokens") ? value : [value])
      .map((token) => Object(token).content ?? token),
  );
  return Object.entries(ids).map(([content, id]) => {
    const isSpecial = special.has(content);
    return { id, content, special: isSpecial, normalized: !isSpecial };
  });
}
