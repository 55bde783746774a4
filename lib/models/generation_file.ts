import { UserError } from "../errors.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import { type ModelFiles, modelFiles } from "../formats/model_files.ts";
import { z } from "../packages/zod.ts";

/** File beside config.json: settings of transformers' `generate`. */
const NAME = "generation_config.json";

/** Settings of drawing tokens, and the values that change nothing. */
const SAMPLING: Readonly<Record<string, readonly unknown[]>> = {
  do_sample: [false],
  temperature: [1],
  top_k: [0, 50],
  top_p: [1],
  min_p: [0],
  typical_p: [1],
  epsilon_cutoff: [0],
  eta_cutoff: [0],
  repetition_penalty: [1],
  encoder_repetition_penalty: [1],
  no_repeat_ngram_size: [0],
  encoder_no_repeat_ngram_size: [0],
  min_length: [0],
  min_new_tokens: [0],
  num_beams: [1],
  num_beam_groups: [1],
  penalty_alpha: [0],
  guidance_scale: [1],
  bad_words_ids: [],
  suppress_tokens: [],
  begin_suppress_tokens: [],
  forced_bos_token_id: [],
  forced_eos_token_id: [],
  sequence_bias: [],
  stop_strings: [],
};

const tokenId = z.int().nonnegative();
const endTokens = z.union([tokenId, z.array(tokenId)]).nullish();

/**
 * A model's config.json with the end tokens of generation_config.json, which transformers' `generate`
 * goes by: chat models often have the end of a turn there alone.
 *
 * @throws {UserError} when the file is broken
 */
export async function withEndTokens(config: JsonObject, files: ModelFiles): Promise<JsonObject> {
  const file = await files.json(NAME);
  const ends = endTokens.safeParse(file?.eos_token_id);
  if (!ends.success) {
    throw new UserError(
      `${files.pathOf(NAME)}: "eos_token_id" is ${JSON.stringify(file?.eos_token_id)}, ` +
        "expected a token id or a list of them",
    );
  }
  return ends.data === undefined || ends.data === null
    ? config
    : { ...config, eos_token_id: ends.data };
}

/**
 * Settings of a model's generation_config.json by which transformers would draw tokens. Temper does
 * not follow them: whoever generates sets its own.
 *
 * @param source a folder's path, or files
 */
export async function recommendedSampling(source: string | ModelFiles): Promise<JsonObject> {
  const file = await modelFiles(source).json(NAME) ?? {};
  const isNeutral = (name: string, value: unknown) =>
    value === null || !Object.hasOwn(SAMPLING, name) || SAMPLING[name].includes(value);
  return Object.fromEntries(
    Object.entries(file).filter(([name, value]) => !isNeutral(name, value)),
  );
}
