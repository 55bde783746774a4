import type { JsonObject } from "../formats/hf_config.ts";
import type { ModelFiles } from "../formats/model_files.ts";

/** Special tokens that transformers names. */
const SPECIAL_TOKENS = [
  "bos_token",
  "eos_token",
  "unk_token",
  "sep_token",
  "pad_token",
  "cls_token",
  "mask_token",
] as const;

/** Name of a special token in the Hugging Face files. */
export type SpecialTokenKey = typeof SPECIAL_TOKENS[number];

/** Reads tokenizer_config.json over special_tokens_map.json; no file is an empty one. */
export async function tokenizerConfig(files: ModelFiles): Promise<JsonObject> {
  return {
    ...await files.json("special_tokens_map.json"),
    ...await files.json("tokenizer_config.json"),
  };
}

/** Special tokens' texts by name, as a template has them as variables: those that are set. */
export function specialTokenTexts(config: JsonObject): JsonObject {
  const texts: JsonObject = {};
  for (const name of SPECIAL_TOKENS) {
    const text = tokenContent(config[name]);
    if (text) texts[name] = text;
  }
  const { additional_special_tokens: additional } = config;
  if (Array.isArray(additional) && additional.length > 0) {
    texts.additional_special_tokens = additional.map(tokenContent).filter((text) => text !== null);
  }
  return texts;
}

/**
 * Text of a special token, which is written as such or as an AddedToken, an object with the text as
 * `content`; null for none.
 */
export function tokenContent(token: unknown): string | null {
  if (typeof token === "object" && token !== null && "content" in token) token = token.content;
  return typeof token === "string" ? token : null;
}
