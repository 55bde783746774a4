/** Tokenizers from tokenizer.json. */
export {
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
  Tokenizer,
  WhitespacePreTokenizer,
  WhitespaceSplitPreTokenizer,
} from "npm:@huggingface/tokenizers@0.2.0";

/** Version of the package, with which the tokens of a text may change. */
export const TOKENIZERS_VERSION = "0.2.0";
