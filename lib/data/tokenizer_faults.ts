import {
  ByteFallbackDecoder,
  ByteLevelPreTokenizer,
  type Decoder,
  DigitsPreTokenizer,
  MetaspacePreTokenizer,
  type PreTokenizer,
  SequenceDecoder,
  SequencePreTokenizer,
  type Tokenizer,
} from "../packages/tokenizers.ts";
import type { JsonObject } from "../formats/hf_config.ts";

/**
 * GPT-2's expression, which the byte-level step applies of its own accord. JavaScript's `\s` takes a
 * byte order mark for white space, and U+0085 for none; Rust's is the Unicode property.
 */
const GPT2_PATTERN =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** Mark that SentencePiece puts in the place of a space. */
const SPACE_MARK = "▁";

/**
 * Corrects the steps of @huggingface/tokenizers 0.2.0 that differ from the tokenizers library in Rust,
 * which transformers uses: what is white space, what is a digit (Unicode's numbers, not 0 to 9), that
 * a Metaspace step divides the text before each mark, and what becomes of bytes that are no text.
 *
 * @param json content of tokenizer.json
 */
export function correctSteps(tokenizer: Tokenizer, json: JsonObject): void {
  correct(tokenizer.pre_tokenizer, Object(json.pre_tokenizer));
  correctDecoder(tokenizer.decoder);
}

function correctDecoder(step: Decoder | null): void {
  if (step instanceof SequenceDecoder) step.decoders.forEach(correctDecoder);
  else if (step instanceof ByteFallbackDecoder) step.text_decoder = new WholeTextDecoder();
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
  }
}

/** Divides a text before every mark. */
function divideBefore(text: string, mark: string): string[] {
  const [head, ...rest] = text.split(mark);
  const parts = rest.map((part) => mark + part);
  return head === "" ? parts : [head, ...parts];
}
