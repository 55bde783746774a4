/** Tokenizer files of the demo's chat model. */
import { specialToken } from "../../lib/data/added_tokens.ts";
import { byteCharacters, learnMerges } from "./bpe.ts";
import type { Message } from "./conversations.ts";

/** Padding, and the two marks of ChatML. They have the first ids. */
export const SPECIAL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] as const;

/** Id of the token that ends an answer. */
export const END_ID = SPECIAL_TOKENS.indexOf("<|im_end|>");

/** ChatML: each message between its marks, then the beginning of an answer. */
export const CHAT_TEMPLATE = "{% for message in messages %}" +
  "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}" +
  "{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** Contents of tokenizer.json, in SmolLM2's form: byte-level BPE, digits are tokens by themselves. */
export function tokenizerJson(conversations: readonly (readonly Message[])[], vocabSize: number) {
  const texts = conversations.flatMap((messages) =>
    messages.flatMap(({ role, content }) => [`${role}\n`, content])
  );
  const bytes = byteCharacters().toSorted();
  const merges = learnMerges(texts, vocabSize - SPECIAL_TOKENS.length - bytes.length);
  const tokens = [...SPECIAL_TOKENS, ...bytes, ...merges.map((pair) => pair.join(""))];
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: SPECIAL_TOKENS.map((content, id) => specialToken(content, id)),
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Digits", individual_digits: true },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: merges.map((pair) => pair.join(" ")),
    },
  };
}

/** Contents of tokenizer_config.json. */
export function tokenizerConfig(maxLength: number) {
  return {
    add_prefix_space: false,
    added_tokens_decoder: Object.fromEntries(
      SPECIAL_TOKENS.map((content, id) => [id, {
        content,
        lstrip: false,
        normalized: false,
        rstrip: false,
        single_word: false,
        special: true,
      }]),
    ),
    bos_token: "<|im_start|>",
    chat_template: CHAT_TEMPLATE,
    clean_up_tokenization_spaces: false,
    eos_token: "<|im_end|>",
    model_max_length: maxLength,
    pad_token: "<|endoftext|>",
    tokenizer_class: "GPT2Tokenizer",
    unk_token: "<|endoftext|>",
  };
}
