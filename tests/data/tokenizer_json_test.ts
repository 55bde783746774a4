import assert from "node:assert/strict";
import { withConfig } from "../../lib/data/tokenizer_json.ts";
import type { JsonObject } from "../../lib/formats/hf_config.ts";

const JSON_FILE: JsonObject = {
  added_tokens: [{ id: 1, content: "<s>" }],
  pre_tokenizer: null,
  post_processor: { type: "ByteLevel" },
  model: { vocab: { "<s>": 1, "</s>": 2 } },
};
const TOKENS = { bos_token: "<s>", eos_token: { content: "</s>" } };

function around(config: JsonObject): unknown {
  const { single } = withConfig(JSON_FILE, { ...TOKENS, ...config }).post_processor as {
    single?: { SpecialToken?: { id: string } }[];
  };
  return single?.map(({ SpecialToken }) => SpecialToken?.id ?? "A").join(" ");
}

Deno.test("Llama's and Gemma's tokens around a text are the configuration's", () => {
  for (const tokenizer_class of ["LlamaTokenizer", "LlamaTokenizerFast", "GemmaTokenizer"]) {
    assert.equal(around({ tokenizer_class }), "<s> A");
    assert.equal(around({ tokenizer_class, add_bos_token: false }), "A");
    assert.equal(around({ tokenizer_class, add_eos_token: true }), "<s> A </s>");
  }
  const { post_processor } = withConfig(JSON_FILE, {
    ...TOKENS,
    tokenizer_class: "LlamaTokenizer",
  });
  const { special_tokens } = post_processor as JsonObject;
  assert.deepEqual(special_tokens, { "<s>": { id: "<s>", ids: [1], tokens: ["<s>"] } });
});

Deno.test("other tokenizers keep what tokenizer.json says", () => {
  assert.equal(
    around({ tokenizer_class: "PreTrainedTokenizerFast", add_bos_token: true }),
    undefined,
  );
  assert.equal(around({}), undefined);
});

Deno.test("a lone byte-level step has the configuration's prefix space", () => {
  const json = { ...JSON_FILE, pre_tokenizer: { type: "ByteLevel", add_prefix_space: true } };
  const prefix = (config: JsonObject) => withConfig(json, config).pre_tokenizer;
  assert.deepEqual(prefix({}), { type: "ByteLevel", add_prefix_space: false });
  assert.deepEqual(prefix({ add_prefix_space: true }), json.pre_tokenizer);
});

Deno.test("BERT's and DistilBERT's normalizer is the configuration's", () => {
  const own = { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true };
  const normalizer = { ...own, strip_accents: null, lowercase: false };
  const json = { ...JSON_FILE, normalizer };
  const read = (config: JsonObject) => withConfig(json, config).normalizer;
  for (const tokenizer_class of ["BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer"]) {
    assert.deepEqual(read({ tokenizer_class, do_lower_case: false }), normalizer);
    assert.deepEqual(read({ tokenizer_class }), { ...normalizer, lowercase: true });
    assert.deepEqual(
      read({
        ...{ tokenizer_class, do_lower_case: true },
        ...{ strip_accents: false, tokenize_chinese_chars: false },
      }),
      { ...own, handle_chinese_chars: false, strip_accents: false, lowercase: true },
    );
  }
  assert.equal(read({ tokenizer_class: "PreTrainedTokenizerFast" }), normalizer);
  const other = { ...JSON_FILE, normalizer: { type: "Lowercase" } };
  assert.equal(
    withConfig(other, { tokenizer_class: "BertTokenizer" }).normalizer,
    other.normalizer,
  );
});

Deno.test("what is not supported is refused by name", () => {
  const single = { ...JSON_FILE, added_tokens: [{ id: 1, content: "<s>", single_word: true }] };
  assert.throws(() => withConfig(single, {}), /`single_word` of its token "<s>" is not supported/);
  for (
    const [setting, model] of [
      ["dropout", { dropout: 0.1, vocab: {}, merges: [] }],
      ["byte_fallback", { byte_fallback: true, vocab: [["a", 0]] }],
      ["continuing_subword_prefix", { type: "BPE", continuing_subword_prefix: "##", vocab: {} }],
    ] as const
  ) {
    const message = new RegExp(`\`${setting}\` .* of its model is not supported`);
    assert.throws(() => withConfig({ ...JSON_FILE, model }, {}), message);
  }
  for (
    const [model, message] of [
      [{ type: "Frob" }, /its model is of the type "Frob", known are BPE, WordPiece, Unigram/],
      [{ type: "Unigram", vocab: [["a", "x"]] }, /its piece 0 is \["a","x"\], expected a text and/],
      [{ type: "Unigram", vocab: [["a"]] }, /its piece 0 is \["a"\], expected a text and a number/],
      [
        { type: "Unigram", vocab: [["a", 0]], unk_id: 1 },
        /its `unk_id` is 1, expected one of 1 pie/,
      ],
      [
        { type: "Unigram", vocab: [["a", 0]], unk_id: 0.5 },
        /its `unk_id` is 0\.5, expected one of/,
      ],
      [{ type: "Unigram" }, /its vocabulary is not a list of pieces/],
    ] as const
  ) assert.throws(() => withConfig({ ...JSON_FILE, model }, {}), message);
  const plain = { dropout: null, byte_fallback: true, continuing_subword_prefix: "", merges: [] };
  withConfig({ ...JSON_FILE, model: { ...plain, vocab: {} } }, {});
  withConfig({ ...JSON_FILE, model: { type: "WordPiece", continuing_subword_prefix: "##" } }, {});
  assert.throws(
    () => withConfig(JSON_FILE, { split_special_tokens: true }),
    /its `split_special_tokens` true is not supported/,
  );
  withConfig(JSON_FILE, { split_special_tokens: false });
  const config = { tokenizer_class: "LlamaTokenizer", bos_token: "<x>" };
  assert.throws(() => withConfig(JSON_FILE, config), /its vocabulary has no "<x>"/);
});
