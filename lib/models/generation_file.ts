import { UserError } from "../errors.ts";
import { GENERATION_KEYS, isNeutral } from "../formats/config_keys.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import { type ModelFiles, modelFiles } from "../formats/model_files.ts";
import type { z } from "../packages/zod.ts";
import { checkTokenIds, tokenIdSchema, tokenIdsSchema } from "./config_schema.ts";

/** File beside config.json: settings of transformers' `generate`. */
const NAME = "generation_config.json";

/** Settings of drawing tokens, and the values that change nothing. */
const SAMPLING: Readonly<Record<string, readonly unknown[]>> = {
  ...GENERATION_KEYS.neutral,
  do_sample: [false],
  temperature: [1],
  top_k: [0, 50],
  top_p: [1],
  min_length: [0],
  min_new_tokens: [0],
  num_beams: [1],
  num_beam_groups: [1],
  stop_strings: [[], ""],
};

/**
 * A model's config.json with the tokens of generation_config.json, which transformers' `generate` goes
 * by: chat models often have the end of a turn there alone. The token that a decoder starts with is
 * taken where config.json has none.
 *
 * @throws {UserError} when the file is broken, or the two disagree on how a decoder starts
 */
export async function withGenerationTokens(
  config: JsonObject,
  files: ModelFiles,
): Promise<JsonObject> {
  const file = await files.json(NAME);
  if (file === null) return config;
  const tokens: JsonObject = {};
  const ends = tokenSetting(files, file, "eos_token_id", tokenIdsSchema, config);
  if (ends !== null) tokens.eos_token_id = ends;
  if (config.is_encoder_decoder === true) {
    const key = "decoder_start_token_id";
    const start = tokenSetting(files, file, key, tokenIdSchema, config);
    const known = config[key] ?? start;
    if (start !== null && start !== known) {
      throw new UserError(
        `${files.pathOf(NAME)}: "${key}" is ${start}, in config.json ${JSON.stringify(known)}: ` +
          "transformers would generate with the one and train with the other; make them the same",
      );
    }
    if (start !== null) tokens[key] = start;
  }
  return Object.keys(tokens).length === 0 ? config : { ...config, ...tokens };
}

/** Reads a setting with tokens; null for none. @throws {UserError} when it is not possible */
function tokenSetting<T extends number | number[]>(
  files: ModelFiles,
  file: JsonObject,
  key: string,
  schema: z.ZodType<T>,
  { vocab_size }: JsonObject,
): T | null {
  const parsed = schema.nullish().safeParse(file[key]);
  const path = files.pathOf(NAME);
  if (!parsed.success) {
    const expected = key === "eos_token_id" ? "a token id or a list of them" : "a token id";
    const found = JSON.stringify(file[key]);
    throw new UserError(`${path}: "${key}" is ${found}, expected ${expected}`);
  }
  const { data } = parsed;
  if (typeof vocab_size === "number") checkTokenIds(path, key, [data ?? []].flat(), vocab_size);
  return data ?? null;
}

/**
 * Settings of a model's generation_config.json by which transformers would draw tokens. Temper does
 * not follow them: whoever generates sets its own.
 *
 * @param source a folder's path, or files
 */
export async function recommendedSampling(source: string | ModelFiles): Promise<JsonObject> {
  const file = await modelFiles(source).json(NAME) ?? {};
  return Object.fromEntries(
    Object.entries(file).filter(([name, value]) =>
      value !== null && Object.hasOwn(SAMPLING, name) && !isNeutral(value, SAMPLING[name])
    ),
  );
}
