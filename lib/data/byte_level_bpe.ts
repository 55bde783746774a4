import { UserError } from "../errors.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import type { ModelFiles } from "../formats/model_files.ts";
import { specialToken } from "./added_tokens.ts";
import { tokenContent, tokenizerClass } from "./tokenizer_config.ts";

/** RoBERTa's special tokens, transformers' defaults. */
const ROBERTA_TOKENS = {
  bos_token: "<s>",
  eos_token: "</s>",
  unk_token: "<unk>",
  sep_token: "</s>",
  pad_token: "<pad>",
  cls_token: "<s>",
  mask_token: "<mask>",
} as const;

/** Qwen2's expression: contractions in any case, digits one by one, line breaks with what precedes them. */
const QWEN2_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" +
  "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/**
 * Builds the content of tokenizer.json from the older files vocab.json and merges.txt, since many
 * models on the Hub have only those. The byte-level BPE is GPT-2's or Qwen2's where the configuration
 * says so, else RoBERTa's, with `<s>` before and `</s>` after a text.
 *
 * @param files of a model.
 * @param config tokenizer_config.json over special_tokens_map.json.
 * @param specialTokens special_tokens_map.json alone.
 * @returns null when neither file is there.
 * @throws UserError when one is missing, or is broken.
 */
export async function readByteLevelBpe(
  files: ModelFiles,
  config: JsonObject,
  specialTokens: JsonObject,
): Promise<JsonObject | null> {
  const vocab = await files.json("vocab.json");
  const mergesText = await files.text("merges.txt");
  if (!vocab && mergesText === null) return null;
  if (!vocab || mergesText === null) {
    const [found, missing] = vocab ? ["vocab.json", "merges.txt"] : ["merges.txt", "vocab.json"];
    throw new UserError(`${files.path} has ${found} but not ${missing}: a tokenizer needs both`);
  }
  for (const [token, id] of Object.entries(vocab)) {
    if (!Number.isSafeInteger(id) || (id as number) < 0) {
      throw new UserError(
        `${files.pathOf("vocab.json")}: token ${JSON.stringify(token)} has the id ${
          JSON.stringify(id)
        }, expected a number`,
      );
    }
  }

  const merges = parseMerges(files.pathOf("merges.txt"), mergesText);
  switch (tokenizerClass(config.tokenizer_class)) {
    case "GPT2Tokenizer":
      return gpt2(vocab, merges, config);
    case "Qwen2Tokenizer":
      return qwen2(vocab, merges, config);
    default:
      return roberta(files, vocab, merges, config, specialTokens);
  }
}

/** GPT2Tokenizer: nothing around a text, but the first token with `add_bos_token`. */
function gpt2(vocab: JsonObject, merges: string[][], config: JsonObject): JsonObject {
  const byteLevel = {
    type: "ByteLevel",
    add_prefix_space: config.add_prefix_space === true,
    trim_offsets: false,
  };
  const bos = tokenContent(config.bos_token);
  const begins = config.add_bos_token === true && bos !== null;
  return {
    added_tokens: ownTokens(vocab, config),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: begins
      ? {
        type: "TemplateProcessing",
        single: [{ SpecialToken: { id: bos, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
        pair: [],
        special_tokens: { [bos]: { id: bos, ids: [vocab[bos]], tokens: [bos] } },
      }
      : byteLevel,
    decoder: byteLevel,
    model: { type: "BPE", vocab, merges },
  };
}

/** Qwen2Tokenizer, also Qwen2.5's and Qwen3's. */
function qwen2(vocab: JsonObject, merges: string[][], config: JsonObject): JsonObject {
  const byteLevel = {
    type: "ByteLevel",
    add_prefix_space: config.add_prefix_space === true,
    trim_offsets: false,
    use_regex: false,
  };
  const split = {
    type: "Split",
    pattern: { Regex: QWEN2_PATTERN },
    behavior: "Isolated",
    invert: false,
  };
  return {
    added_tokens: ownTokens(vocab, config),
    normalizer: { type: "NFC" },
    pre_tokenizer: { type: "Sequence", pretokenizers: [split, byteLevel] },
    post_processor: byteLevel,
    decoder: byteLevel,
    model: { type: "BPE", vocab, merges },
  };
}

/** Special tokens that are in the vocabulary itself; others are in files of their own. */
function ownTokens(vocab: JsonObject, config: JsonObject): JsonObject[] {
  const additional = config.additional_special_tokens;
  const named = [
    ...["bos_token", "eos_token", "unk_token", "pad_token"].map((key) => config[key]),
    ...(Array.isArray(additional) ? additional : []),
  ];
  return [...new Set(named.map(tokenContent))]
    .filter((content) => content !== null && Object.hasOwn(vocab, content))
    .map((content) => specialToken(content!, vocab[content!]));
}

function roberta(
  files: ModelFiles,
  vocab: JsonObject,
  merges: string[][],
  config: JsonObject,
  specialTokens: JsonObject,
): JsonObject {
  const addedTokens = new Map<string, JsonObject>();
  const special: Record<string, string> = {};
  for (const [key, fallback] of Object.entries(ROBERTA_TOKENS)) {
    const token = addedToken(key, specialTokens[key], config[key] ?? fallback);
    const id = vocab[token.content];
    if (id === undefined) {
      throw new UserError(
        `${files.pathOf("vocab.json")} lacks the ${key} ${JSON.stringify(token.content)}`,
      );
    }
    special[key] = token.content;
    addedTokens.set(token.content, { id, ...token, special: true, normalized: false });
  }
  const addPrefixSpace = config.add_prefix_space === true;
  const byteLevel = { type: "ByteLevel", add_prefix_space: addPrefixSpace, trim_offsets: true };
  return {
    added_tokens: [...addedTokens.values()],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: {
      type: "RobertaProcessing",
      sep: [special.sep_token, vocab[special.sep_token]],
      cls: [special.cls_token, vocab[special.cls_token]],
      trim_offsets: true,
      add_prefix_space: addPrefixSpace,
    },
    decoder: byteLevel,
    model: {
      type: "BPE",
      unk_token: special.unk_token,
      vocab,
      merges,
    },
  };
}

interface AddedToken {
  content: string;
  lstrip: boolean;
  rstrip: boolean;
}

/**
 * Reads a special token and whether it takes the spaces beside it inside a text. As in
 * RobertaTokenizer, it does on both sides when special_tokens_map.json gives it as plain text (the
 * setting of a plain string overrides the AddedToken that the constructor made); given as an object
 * it has its own flags; else only `<mask>` takes the space before it.
 */
function addedToken(key: string, mapped: unknown, token: unknown): AddedToken {
  if (typeof mapped === "string") return { content: mapped, lstrip: true, rstrip: true };
  const { content, lstrip, rstrip } = Object(mapped ?? token) as Partial<AddedToken>;
  return typeof content === "string"
    ? { content, lstrip: lstrip === true, rstrip: rstrip === true }
    : { content: String(token), lstrip: key === "mask_token", rstrip: false };
}

/**
 * Reads the merges in order of priority: one per line, two parts with a space between them, after a
 * version line.
 */
function parseMerges(path: string, text: string): string[][] {
  const lines = text.split(/\r?\n/);
  const first = lines[0].startsWith("#version") ? 1 : 0;
  const merges: string[][] = [];
  for (let i = first; i < lines.length; i++) {
    if (lines[i] === "") continue;
    const parts = lines[i].split(" ");
    if (parts.length !== 2 || parts.includes("")) {
      throw new UserError(
        `${path}, line ${i + 1}: ${JSON.stringify(lines[i])}, expected two parts and a space`,
      );
    }
    merges.push(parts);
  }
  return merges;
}
