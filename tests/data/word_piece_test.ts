import assert from "node:assert/strict";
import { join } from "node:path";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { withTempDir } from "../temp_dir.ts";

const PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##aff", "##able", "hello", ","]
  .concat(["cafe", "Hello", "日", "!", "'", "s"]);
const id = (piece: string) => PIECES.indexOf(piece);
const ids = (text: string) => text.split(" ").map(id);

async function withVocab(
  config: object,
  body: (tokenizer: Tokenizer) => void,
  pieces = PIECES,
): Promise<void> {
  await withTempDir(async (dir) => {
    await Deno.writeTextFile(join(dir, "vocab.txt"), pieces.join("\n") + "\n");
    await Deno.writeTextFile(join(dir, "tokenizer_config.json"), JSON.stringify(config));
    body(await Tokenizer.load(dir));
  });
}

Deno.test("vocab.txt alone: BERT's uncased WordPiece", () =>
  withVocab({ model_max_length: 512, pad_token: "[PAD]" }, (tokenizer) => {
    // The longest pieces first; case and accents fall away; ideographs and punctuation stand alone.
    assert.deepEqual(tokenizer.encode("UNaffable"), ids("[CLS] un ##aff ##able [SEP]"));
    assert.deepEqual(tokenizer.encode("Hello, café日!"), ids("[CLS] hello , cafe 日 ! [SEP]"));
    assert.deepEqual(tokenizer.encode("unhello hello's"), ids("[CLS] [UNK] hello ' s [SEP]"));
    assert.deepEqual(tokenizer.encode("hello [MASK] x"), ids("[CLS] hello [MASK] [UNK] [SEP]"));
    assert.deepEqual(tokenizer.encode("hello hello", { maxLength: 3 }), ids("[CLS] hello [SEP]"));
    assert.equal(tokenizer.padTokenId, 0);
    assert.equal(tokenizer.modelMaxLength, 512);
  }));

Deno.test("do_lower_case false keeps case", () =>
  withVocab({ do_lower_case: false }, (tokenizer) => {
    assert.deepEqual(tokenizer.encode("Hello hello"), ids("[CLS] Hello hello [SEP]"));
  }));

Deno.test("a vocab.txt without its special tokens is refused", async () => {
  await assert.rejects(withVocab({ cls_token: "constructor" }, () => {}), {
    name: "UserError",
    message: /vocab\.txt lacks the cls_token "constructor"/,
  });
  await assert.rejects(
    withVocab({}, () => {}, ["hello", "[UNK]"]),
    /vocab\.txt lacks the sep_token "\[SEP\]"/,
  );
});

Deno.test("the model's type names the tokenizer's class, and case falls away by default", async () => {
  const vocab = Object.fromEntries(PIECES.map((piece, id) => [piece, id]));
  const json = {
    added_tokens: [],
    normalizer: { type: "BertNormalizer", lowercase: false, handle_chinese_chars: true },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "BertProcessing",
      sep: ["[SEP]", id("[SEP]")],
      cls: ["[CLS]", id("[CLS]")],
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: { type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##", vocab },
  };
  await withTempDir(async (dir) => {
    await Deno.writeTextFile(join(dir, "tokenizer.json"), JSON.stringify(json));
    const encode = async () => (await Tokenizer.load(dir)).encode("Hello");
    assert.deepEqual(await encode(), ids("[CLS] Hello [SEP]"));
    for (const model_type of ["bert", "distilbert"]) {
      await Deno.writeTextFile(join(dir, "config.json"), JSON.stringify({ model_type }));
      assert.deepEqual(await encode(), ids("[CLS] hello [SEP]"));
    }
    await Deno.writeTextFile(join(dir, "tokenizer_config.json"), '{ "do_lower_case": false }');
    assert.deepEqual(await encode(), ids("[CLS] Hello [SEP]"));
  });
});
