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

/** Classes of transformers' tokenizers by the `model_type` of models whose files may not name one. */
const CLASSES: Readonly<Record<string, string>> = {
  gpt2: "GPT2Tokenizer",
  qwen2: "Qwen2Tokenizer",
  qwen3: "Qwen2Tokenizer",
  llama: "LlamaTokenizer",
  mistral: "LlamaTokenizer",
  gemma: "GemmaTokenizer",
  gemma2: "GemmaTokenizer",
  gemma3_text: "GemmaTokenizer",
  bert: "BertTokenizer",
  distilbert: "DistilBertTokenizer",
};

/** Special tokens of a class that the files need not name. */
const CLASS_TOKENS: Readonly<Record<string, JsonObject>> = {
  GPT2Tokenizer: {
    bos_token: "<|endoftext|>",
    eos_token: "<|endoftext|>",
    unk_token: "<|endoftext|>",
  },
  Qwen2Tokenizer: {
    eos_token: "<|endoftext|>",
    unk_token: "<|endoftext|>",
    pad_token: "<|endoftext|>",
  },
  LlamaTokenizer: { bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>" },
  GemmaTokenizer: {
    bos_token: "<bos>",
    eos_token: "<eos>",
    unk_token: "<unk>",
    pad_token: "<pad>",
  },
};

/**
 * Reads tokenizer_config.json over special_tokens_map.json, which need not be there, over what
 * transformers takes where they say nothing: a class by the model's type, and its special tokens.
 */
export async function tokenizerConfig(files: ModelFiles): Promise<JsonObject> {
  const own = {
    ...await files.json("special_tokens_map.json"),
    ...await files.json("tokenizer_config.json"),
  };
  const model = await files.json("config.json") ?? {};
  const named = own.tokenizer_class ?? model.tokenizer_class ?? CLASSES[String(model.model_type)];
  if (typeof named !== "string") return own;
  return { ...CLASS_TOKENS[tokenizerClass(named)], ...own, tokenizer_class: named };
}

/** Name of a tokenizer's class, whichever of its two implementations the files name. */
export function tokenizerClass(name: unknown): string {
  return String(name).replace(/Fast$/, "");
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
