/** Ids and texts recorded with the tokenizers library in Rust, 0.22.2. */
import assert from "node:assert/strict";
import { DirectEngine } from "../../lib/data/token_engine.ts";
import type { JsonObject } from "../../lib/formats/hf_config.ts";
import { ownCases } from "../golden_causal/folder.ts";
import { join } from "node:path";

/** GPT-2's golden tokenizer with further merges, whose tokens get the ids from 819 on. */
function byteLevel(merges: readonly string[], pretokenizers: readonly JsonObject[]): DirectEngine {
  const path = join(ownCases, "tokenizers", "gpt2", "tokenizer.json");
  const json: JsonObject = JSON.parse(Deno.readTextFileSync(path));
  const model = json.model as { vocab: Record<string, number>; merges: string[] };
  const vocab = { ...model.vocab };
  for (const merge of merges) {
    const token = merge.replace(" ", "");
    vocab[token] = Object.keys(vocab).length;
  }
  return new DirectEngine({
    ...json,
    model: { ...model, vocab, merges: [...model.merges, ...merges] },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [...pretokenizers, json.pre_tokenizer],
    },
  }, {});
}

const SPECIAL = ["<unk>", "<s>", "</s>"];
const BYTES = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
);
const PIECES = [...SPECIAL, ...BYTES, "▁", "a", "b", "▁▁", "▁a"];

/** A small SentencePiece BPE with byte fallback, as Llama 2's. */
function sentencePiece(metaspace: JsonObject): DirectEngine {
  return new DirectEngine({
    added_tokens: SPECIAL.map((content, id) => ({ id, content, special: true, normalized: false })),
    normalizer: null,
    pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", ...metaspace },
    post_processor: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model: {
      type: "BPE",
      unk_token: "<unk>",
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(PIECES.map((piece, id) => [piece, id])),
      merges: [["▁", "▁"], ["▁", "a"]],
    },
  }, {});
}

Deno.test("byte-level BPE: white space is Unicode's", () => {
  const engine = byteLevel(["Ġ ï", "Â ħ", "Âħ Ċ"], []);
  // A byte order mark is none, U+0085 is.
  assert.deepEqual(engine.encode(" \ufeff", true).slice(1), [122, 126]);
  assert.equal(engine.encode("a\x85\n", true).length, 2);
});

Deno.test("Digits: every number of Unicode is one", () => {
  for (const individual_digits of [true, false]) {
    const engine = byteLevel(["Ġ â"], [{ type: "Digits", individual_digits }]);
    assert.deepEqual(engine.encode(" ①12", true), [223, 161, 242, 257, 19, 20]);
  }
});

Deno.test("Metaspace: a text is divided before each mark, unless the file says no", () => {
  const engine = sentencePiece({});
  assert.deepEqual(engine.encode("a  b", true), [263, 259, 259, 261]);
  assert.deepEqual(engine.encode("é", true), [259, 198, 172]);
  assert.deepEqual(engine.encode("a<s> b", true), [263, 1, 259, 261]);
  assert.deepEqual(sentencePiece({ split: false }).encode("a  b", true), [263, 262, 261]);
});

Deno.test("ByteFallback: bytes that are no text become a replacement character each", () => {
  const engine = sentencePiece({});
  const text = (...bytes: number[]) => engine.decode([263, ...bytes.map((b) => 3 + b), 260], false);
  assert.equal(text(0xc3, 0xa9), "aéa");
  assert.equal(text(0xc3), "a�a");
  assert.equal(text(0x40, 0xff), "a��a");
  assert.equal(text(0xef, 0xbb, 0xbf), "a\ufeffa");
});

/** Letters and signs as a vocabulary of single characters, whose ids are their places. */
function letters(letters: string, json: JsonObject): DirectEngine {
  return new DirectEngine({
    ...{ added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null },
    decoder: null,
    model: {
      type: "BPE",
      vocab: Object.fromEntries(Array.from(letters, (letter, id) => [letter, id])),
      merges: [],
    },
    ...json,
  }, {});
}

/** Words that a pre-tokenizer makes of a text: each is a token of WordPiece. */
function words(text: string, pre_tokenizer: JsonObject, expected: readonly string[]): void {
  const engine = letters("", {
    pre_tokenizer,
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      vocab: Object.fromEntries([...new Set(expected), "[UNK]"].map((word, id) => [word, id])),
    },
  });
  const ids = expected.map((word) => [...new Set(expected)].indexOf(word));
  assert.deepEqual(engine.encode(text, true), ids, JSON.stringify(pre_tokenizer));
}

Deno.test("Split: what matches is treated as the file says", () => {
  const split = (behavior: string, invert = false) => ({
    type: "Split",
    pattern: { String: "-" },
    behavior,
    invert,
  });
  words("a-b", split("Removed"), ["a", "b"]);
  words("a-b", split("Isolated"), ["a", "-", "b"]);
  words("a-b", split("MergedWithPrevious"), ["a-", "b"]);
  words("a-b", split("MergedWithNext"), ["a", "-b"]);
  words("a--b", split("Contiguous"), ["a", "--", "b"]);
  words("a-b", split("Isolated", true), ["a", "-", "b"]);
  assert.throws(() => words("a", split("Kept"), ["a"]), /it splits by the behavior "Kept", known/);
});

Deno.test("Whitespace, WhitespaceSplit and Punctuation: Unicode's words, spaces and signs", () => {
  words("né à x_1, y", { type: "Whitespace" }, ["né", "à", "x_1", ",", "y"]);
  words("a\x85b\ufeff c", { type: "WhitespaceSplit" }, ["a", "b\ufeff", "c"]);
  words("a!?b", { type: "Punctuation" }, ["a", "!", "?", "b"]);
  words("a!?b", { type: "Punctuation", behavior: "Contiguous" }, ["a", "!?", "b"]);
});

Deno.test("Replace: a dollar sign is one", () => {
  const replace = { type: "Replace", pattern: { String: "b" }, content: "$&" };
  assert.deepEqual(letters("$&ab", { normalizer: replace }).encode("ab", true), [2, 0, 1]);
  assert.equal(letters("$&ab", { decoder: replace }).decode([3], false), "$&");
});

Deno.test("a model that does not say so is byte-pair encoding by its merges: decoding keeps spaces", () => {
  const model = { vocab: { a: 0, " ": 1, ",": 2 }, merges: [] };
  const old = { ...model, unk_token: null, continuing_subword_prefix: "" };
  const decoder = { type: "Fuse" };
  for (const own of [old, { ...model, type: "BPE" }]) {
    assert.equal(letters("", { decoder, model: own }).decode([0, 1, 2], false), "a ,");
  }
});
