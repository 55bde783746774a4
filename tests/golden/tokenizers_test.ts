/** T5Tokenizer's and RobertaTokenizer's ids and decodings of the same texts. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { loadCase, modelDir } from "./cases.ts";

interface TokenizerCase {
  text: string;
  t5: number[];
  t5_decoded: string;
  t5_skip: string;
  roberta: number[];
  roberta_decoded: string;
}

// Only vocab.json and merges.txt, as the mission's classifier.
const classifierDir = fileURLToPath(new URL("../../demo/tiny-roberta-toxicity", import.meta.url));
// Only spiece.model, as T5's older checkpoints.
const sentencePieceDir = fileURLToPath(new URL("../fixtures/tiny-flan-t5", import.meta.url));
const t5FromSentencePiece = await Tokenizer.load(sentencePieceDir);
const t5 = await Tokenizer.load(modelDir);
const roberta = await Tokenizer.load(classifierDir);

for (const [i, entry] of loadCase<TokenizerCase[]>("tokenizers").json.entries()) {
  Deno.test(`tokenizers ${i}: ${JSON.stringify(entry.text.slice(0, 40))}`, () => {
    assert.deepEqual(t5.encode(entry.text), entry.t5);
    assert.deepEqual(t5FromSentencePiece.encode(entry.text), entry.t5);
    assert.equal(t5FromSentencePiece.decode(entry.t5), t5.decode(entry.t5));
    assert.deepEqual(roberta.encode(entry.text), entry.roberta);

    // The slow tokenizer that wrote the cases puts spaces around an unknown piece.
    const unknown = t5.unkTokenId !== null && entry.t5.includes(t5.unkTokenId);
    const compared = (text: string) => unknown ? text.replaceAll(" ", "") : text;
    assert.equal(compared(t5.decode(entry.t5)), compared(entry.t5_decoded));
    assert.equal(
      compared(t5.decode(entry.t5, { skipSpecialTokens: true })),
      compared(entry.t5_skip),
    );
    assert.equal(roberta.decode(entry.roberta), entry.roberta_decoded);
  });
}
