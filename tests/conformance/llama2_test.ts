/** Llama 2's real vocabulary against the engine of npm's llama-tokenizer-js. */
import assert from "node:assert/strict";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { MemoryFiles } from "../../lib/formats/model_files.ts";
import { sampleTexts } from "./texts.ts";

/** The package's tokenizer. */
interface LlamaTokenizer {
  vocabById: string[];
  /** Priority of each pair of tokens, `left right`. */
  merges: Map<string, number>;
  encode(text: string): number[];
}

/** tokenizer.json as Llama 2's repository has it. */
function filesOf({ vocabById, merges }: LlamaTokenizer): MemoryFiles {
  const sorted = [...merges].sort(([, a], [, b]) => a - b).map(([pair]) => pair);
  const special = ["<unk>", "<s>", "</s>"];
  const json = {
    added_tokens: special.map((content, id) => ({ id, content, special: true, normalized: false })),
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "Prepend", prepend: "▁" },
        { type: "Replace", pattern: { String: " " }, content: "▁" },
      ],
    },
    pre_tokenizer: null,
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
      vocab: Object.fromEntries(vocabById.map((token, id) => [token, id])),
      merges: sorted,
    },
  };
  const config = { tokenizer_class: "LlamaTokenizer" };
  return new MemoryFiles(
    Object.entries({ "tokenizer.json": json, "tokenizer_config.json": config }).map((
      [name, content],
    ) => [name, new TextEncoder().encode(JSON.stringify(content))]),
  );
}

Deno.test("Llama 2's tokenizer.json gives the ids of llama-tokenizer-js", async () => {
  const specifier = "npm:llama-tokenizer-js@1.2.2";
  const theirs: LlamaTokenizer = (await import(specifier)).default;
  const tokenizer = await Tokenizer.load(filesOf(theirs));
  // Published: LlamaTokenizerFast's documentation.
  assert.deepEqual(tokenizer.encode("Hello this is a test"), [1, 15043, 445, 338, 263, 1243]);
  for (const text of sampleTexts()) {
    const ids = tokenizer.encode(text);
    assert.deepEqual(ids, theirs.encode(text), text);
    assert.equal(tokenizer.decode(ids, { skipSpecialTokens: true }), text);
  }
});
