import { UserError } from "../errors.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import type { ModelFiles } from "../formats/model_files.ts";
import { specialToken } from "./added_tokens.ts";

/** BERT's special tokens, transformers' defaults. */
const BERT_TOKENS = {
  unk_token: "[UNK]",
  sep_token: "[SEP]",
  pad_token: "[PAD]",
  cls_token: "[CLS]",
  mask_token: "[MASK]",
} as const;

/**
 * Builds the content of tokenizer.json from the older vocab.txt, a WordPiece per line: the
 * tokenizer of BERT and DistilBERT, `[CLS]` before and `[SEP]` after a text.
 *
 * @param files of a model.
 * @param config tokenizer_config.json over special_tokens_map.json.
 * @returns null when there is no vocab.txt.
 * @throws UserError when it lacks a special token.
 */
export async function readWordPiece(
  files: ModelFiles,
  config: JsonObject,
): Promise<JsonObject | null> {
  const path = files.pathOf("vocab.txt");
  const text = await files.text("vocab.txt");
  if (text === null) return null;
  const pieces = text.split(/\r?\n/);
  if (pieces.at(-1) === "") pieces.pop();
  const vocab = new Map(pieces.map((piece, id) => [piece, id]));
  const special: Record<string, [string, number]> = {};
  for (const [key, fallback] of Object.entries(BERT_TOKENS)) {
    const given = config[key] ?? fallback;
    const token = String(Object(given).content ?? given);
    const id = vocab.get(token);
    if (id === undefined) throw new UserError(`${path} lacks the ${key} ${JSON.stringify(token)}`);
    special[key] = [token, id];
  }
  return {
    added_tokens: Object.values(special).map(([content, id]) => specialToken(content, id)),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: config.tokenize_chinese_chars ?? true,
      // Null follows `lowercase`.
      strip_accents: config.strip_accents ?? null,
      lowercase: config.do_lower_case ?? true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: { type: "BertProcessing", sep: special.sep_token, cls: special.cls_token },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: special.unk_token[0],
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(vocab),
    },
  };
}
