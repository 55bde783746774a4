import {
  ByteFallbackDecoder,
  ByteLevelPreTokenizer,
  type Decoder,
  DigitsPreTokenizer,
  MetaspacePreTokenizer,
  type Normalizer,
  PrecompiledNormalizer,
  type PreTokenizer,
  PunctuationPreTokenizer,
  ReplaceDecoder,
  ReplaceNormalizer,
  ReplacePreTokenizer,
  SequenceDecoder,
  SequenceNormalizer,
  SequencePreTokenizer,
  SplitPreTokenizer,
  type Tokenizer,
  WhitespacePreTokenizer,
  WhitespaceSplitPreTokenizer,
} from "../packages/tokenizers.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import { Charsmap } from "./charsmap.ts";
import { splitBehavior, splitText } from "./text_split.ts";

/**
 * GPT-2's expression, which the byte-level step applies of its own accord. JavaScript's `\s` takes a
 * byte order mark for white space, and U+0085 for none; Rust's is the Unicode property.
 */
const GPT2_PATTERN =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** `\w+|[^\w\s]+`, where JavaScript's `\w` knows letters of English alone. */
const WORDS =
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu;
const NO_SPACE = /\P{White_Space}+/gu;
const PUNCTUATION = /[\p{P}!-/:-@[-`{-~]/gu;

/** Mark that SentencePiece puts in the place of a space. */
const SPACE_MARK = "▁";

/**
 * Corrects the steps of @huggingface/tokenizers 0.2.0 that differ from the tokenizers library in Rust,
 * which transformers uses: what is white space, a word, a digit (Unicode's numbers, not 0 to 9); how a
 * text is split at what matches; that a Metaspace step divides the text before each mark; the rules of a
 * precompiled normalizer; what replaces a match; and what becomes of bytes that are no text.
 *
 * @param json content of tokenizer.json
 * @throws {Error} when a step's settings are broken
 */
export function correctSteps(tokenizer: Tokenizer, json: JsonObject): void {
  correctNormalizer(tokenizer.normalizer);
  correct(tokenizer.pre_tokenizer, Object(json.pre_tokenizer));
  correctDecoder(tokenizer.decoder);
}

function correctNormalizer(step: Normalizer | null): void {
  if (step instanceof SequenceNormalizer) step.normalizers.forEach(correctNormalizer);
  else if (step instanceof ReplaceNormalizer) replaceLiterally(step);
  else if (step instanceof PrecompiledNormalizer) {
    const rules = new Charsmap(step.charsmap);
    step.normalize = (text) => rules.normalize(text);
  }
}

function correctDecoder(step: Decoder | null): void {
  if (step instanceof SequenceDecoder) step.decoders.forEach(correctDecoder);
  else if (step instanceof ReplaceDecoder) replaceLiterally(step);
  else if (step instanceof ByteFallbackDecoder) step.text_decoder = new WholeTextDecoder();
}

/** Keeps JavaScript from reading `$&` in what replaces a match. */
function replaceLiterally(step: { config: { content?: string } }): void {
  const { content = "" } = step.config;
  step.config = { ...step.config, content: content.replaceAll("$", "$$$$") };
}

/** Decoder of UTF-8 that makes a replacement character of each byte where the bytes are no text. */
class WholeTextDecoder extends TextDecoder {
  constructor() {
    super("utf-8", { fatal: true, ignoreBOM: true });
  }

  override decode(bytes: Uint8Array): string {
    try {
      return super.decode(bytes);
    } catch {
      return "\ufffd".repeat(bytes.length);
    }
  }
}

function correct(step: PreTokenizer | null, config: JsonObject): void {
  if (step instanceof SequencePreTokenizer) {
    const configs = config.pretokenizers as JsonObject[];
    step.tokenizers.forEach((inner, i) => correct(inner, configs[i]));
  } else if (step instanceof ByteLevelPreTokenizer) {
    step.pattern = GPT2_PATTERN;
  } else if (step instanceof DigitsPreTokenizer) {
    step.pattern = config.individual_digits ? /[^\p{N}]+|\p{N}/gu : /[^\p{N}]+|\p{N}+/gu;
  } else if (step instanceof MetaspacePreTokenizer && config.split !== false) {
    const replace = step.pre_tokenize_text.bind(step);
    const mark = String(config.replacement ?? SPACE_MARK);
    step.pre_tokenize_text = (text, options) =>
      replace(text, options).flatMap((part) => divideBefore(part, mark));
  } else if (step instanceof SplitPreTokenizer) {
    correctSplit(step, config);
  } else if (step instanceof PunctuationPreTokenizer) {
    const behavior = splitBehavior(config.behavior ?? "Isolated");
    step.pre_tokenize_text = (text) => splitText(text, PUNCTUATION, behavior);
  } else if (step instanceof WhitespacePreTokenizer) {
    step.pre_tokenize_text = (text) => text.match(WORDS) ?? [];
  } else if (step instanceof WhitespaceSplitPreTokenizer) {
    step.pre_tokenize_text = (text) => text.match(NO_SPACE) ?? [];
  } else if (step instanceof ReplacePreTokenizer) {
    replaceLiterally(step);
  }
}

/** Splits as the settings say: the package knows what is isolated, and part of what is removed. */
function correctSplit(step: SplitPreTokenizer, config: JsonObject): void {
  const behavior = splitBehavior(config.behavior);
  const invert = config.invert === true;
  if (behavior === "Isolated" && !invert) return;
  const { pattern } = step;
  if (pattern === null) throw new Error("it splits by no pattern");
  step.pre_tokenize_text = (text) => splitText(text, pattern, behavior, { invert });
}

/** Divides a text before every mark. */
function divideBefore(text: string, mark: string): string[] {
  const [head, ...rest] = text.split(mark);
  const parts = rest.map((part) => mark + part);
  return head === "" ? parts : [head, ...parts];
}
