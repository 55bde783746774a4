import type { JsonObject } from "../formats/hf_config.ts";
import { tokenContent, tokenizerClass } from "./tokenizer_config.ts";

/** Tokenizers that take the tokens around a text from tokenizer_config.json alone. */
const OWN_TEMPLATE: readonly string[] = ["LlamaTokenizer", "GemmaTokenizer"];
/** Tokenizers that take the settings of BERT's normalizer from tokenizer_config.json. */
const OWN_NORMALIZER: readonly string[] = ["BertTokenizer", "DistilBertTokenizer"];

/**
 * Adapts the content of tokenizer.json to tokenizer_config.json as transformers 4.52 does when it loads
 * them: `add_bos_token` and `add_eos_token` of Llama's and Gemma's tokenizers, `do_lower_case`,
 * `strip_accents` and `tokenize_chinese_chars` of BERT's and DistilBERT's, and `add_prefix_space`.
 *
 * @throws {Error} when the tokenizer needs what is not supported
 */
export function withConfig(json: JsonObject, config: JsonObject): JsonObject {
  checkAddedTokens(json);
  checkModel(Object(json.model));
  if (config.split_special_tokens === true) {
    throw new Error("its `split_special_tokens` true is not supported");
  }
  return {
    ...json,
    normalizer: withNormalizer(json.normalizer, config),
    pre_tokenizer: withPrefixSpace(json.pre_tokenizer, config),
    post_processor: withTemplate(json, config),
  };
}

function checkAddedTokens(json: JsonObject): void {
  if (!Array.isArray(json.added_tokens)) return;
  const found = json.added_tokens.find((token) => Object(token).single_word === true);
  if (!found) return;
  const text = JSON.stringify(Object(found).content);
  throw new Error(`\`single_word\` of its token ${text} is not supported`);
}

/** Kinds of models; a file of old has none. */
const MODELS: readonly unknown[] = ["BPE", "WordPiece", "Unigram", undefined];

/** Refuses what of the model changes a text's ids and the package passes over. */
function checkModel(model: JsonObject): void {
  if (!MODELS.includes(model.type)) {
    const known = MODELS.filter((type) => type !== undefined).join(", ");
    throw new Error(`its model is of the type ${JSON.stringify(model.type)}, known are ${known}`);
  }
  if (model.type === "Unigram") checkPieces(model);
  const isUnsupported: Readonly<Record<string, boolean>> = {
    // Draws tokens at random.
    dropout: model.dropout !== 0,
    byte_fallback: Array.isArray(model.vocab) && model.byte_fallback !== false,
    continuing_subword_prefix: isBpe(model) && model.continuing_subword_prefix !== "",
  };
  for (const [setting, unsupported] of Object.entries(isUnsupported)) {
    if (!unsupported || (model[setting] ?? null) === null) continue;
    throw new Error(
      `\`${setting}\` ${JSON.stringify(model[setting])} of its model is not supported`,
    );
  }
}

function checkPieces({ vocab, unk_id: unknown = null }: JsonObject): void {
  if (!Array.isArray(vocab)) throw new Error("its vocabulary is not a list of pieces");
  const broken = vocab.findIndex((piece) =>
    !Array.isArray(piece) || typeof piece[0] !== "string" || typeof piece[1] !== "number"
  );
  if (broken >= 0) {
    const found = JSON.stringify(vocab[broken]);
    throw new Error(`its piece ${broken} is ${found}, expected a text and a number`);
  }
  if (unknown === null || Object.hasOwn(vocab, Number(unknown))) return;
  throw new Error(
    `its \`unk_id\` is ${JSON.stringify(unknown)}, expected one of ${vocab.length} pieces`,
  );
}

/** Tells whether a model is byte-pair encoding; files of old do not say. */
export function isBpe({ type, merges }: JsonObject): boolean {
  return type === "BPE" || type === undefined && merges !== undefined;
}

/** `BertTokenizerFast.__init__`, and DistilBERT's, with the defaults of both. */
function withNormalizer(step: unknown, config: JsonObject): unknown {
  const { type } = Object(step) as JsonObject;
  const isOwn = OWN_NORMALIZER.includes(tokenizerClass(config.tokenizer_class));
  if (type !== "BertNormalizer" || !isOwn) return step;
  return {
    ...Object(step),
    lowercase: config.do_lower_case ?? true,
    strip_accents: config.strip_accents ?? null,
    handle_chinese_chars: config.tokenize_chinese_chars ?? true,
  };
}

/** `PreTrainedTokenizerFast.__init__`: the configuration overrides a byte-level step without others. */
function withPrefixSpace(step: unknown, config: JsonObject): unknown {
  const { type } = Object(step) as JsonObject;
  if (type !== "ByteLevel") return step;
  return { ...Object(step), add_prefix_space: config.add_prefix_space === true };
}

/** `LlamaTokenizerFast.update_post_processor`, and Gemma's. */
function withTemplate(json: JsonObject, config: JsonObject): unknown {
  if (!OWN_TEMPLATE.includes(tokenizerClass(config.tokenizer_class))) return json.post_processor;
  const begin = config.add_bos_token === false ? null : tokenContent(config.bos_token);
  const end = config.add_eos_token === true ? tokenContent(config.eos_token) : null;
  const around = (sequence: "A" | "B", type_id: number) => [
    ...(begin === null ? [] : [{ SpecialToken: { id: begin, type_id } }]),
    { Sequence: { id: sequence, type_id } },
    ...(end === null ? [] : [{ SpecialToken: { id: end, type_id } }]),
  ];
  const tokens = [begin, end].filter((token) => token !== null);
  return {
    type: "TemplateProcessing",
    single: around("A", 0),
    pair: [...around("A", 0), ...around("B", 1)],
    special_tokens: Object.fromEntries(
      tokens.map((token) => [token, { id: token, ids: [idOf(json, token)], tokens: [token] }]),
    ),
  };
}

/** Id of a token in the vocabulary or among the added ones. @throws {Error} when it is in neither */
function idOf(json: JsonObject, token: string): number {
  const added = Object(json.added_tokens) as JsonObject[];
  const own = Array.isArray(added) ? added.find(({ content }) => content === token)?.id : undefined;
  const id = own ?? Object(Object(json.model).vocab)[token];
  if (typeof id === "number") return id;
  throw new Error(`its vocabulary has no ${JSON.stringify(token)}, which begins or ends a text`);
}
