import assert from "node:assert/strict";
import { join } from "node:path";
import { parseT5Config } from "../../../lib/models/t5/config.ts";
import { demoModelDir } from "../../demo_model.ts";

Deno.test("parseT5Config: FLAN-T5's config.json", () => {
  const json = JSON.parse(Deno.readTextFileSync(join(demoModelDir, "config.json")));
  assert.deepEqual(parseT5Config(json, "config.json"), {
    vocabSize: 704,
    dModel: 128,
    dKv: 32,
    dFf: 256,
    numLayers: 2,
    numDecoderLayers: 2,
    numHeads: 4,
    relativeAttentionNumBuckets: 32,
    relativeAttentionMaxDistance: 128,
    dropoutRate: 0.1,
    layerNormEpsilon: 1e-6,
    feedForwardProj: "gated-gelu",
    tieWordEmbeddings: false,
    padTokenId: 0,
    eosTokenId: 1,
    decoderStartTokenId: 0,
  });
});

Deno.test("parseT5Config: what is missing is as in transformers' T5Config", () => {
  const config = parseT5Config({ model_type: "t5", num_layers: 4 }, "config.json");
  assert.equal(config.vocabSize, 32128);
  assert.deepEqual([config.dModel, config.dKv, config.dFf, config.numHeads], [512, 64, 2048, 8]);
  assert.deepEqual([config.numLayers, config.numDecoderLayers], [4, 4]);
  assert.deepEqual([config.feedForwardProj, config.tieWordEmbeddings], ["relu", true]);
  assert.equal(parseT5Config({ model_type: "t5", num_decoder_layers: null }, "").numLayers, 6);
});

const REFUSED: [Record<string, unknown>, RegExp][] = [
  [{ model_type: undefined }, /^dir\/config\.json: "model_type" is missing: .*expected "t5"/],
  [{ model_type: "bart" }, /"model_type" is "bart": .*Temper trains T5, T5 v1\.1 and FLAN-T5/],
  [{ feed_forward_proj: "gated-silu" }, /"feed_forward_proj" is "gated-silu": .*"gated-gelu"/],
  [{ d_model: 12.5 }, /"d_model" is 12\.5: .*int/],
  [{ num_heads: 0 }, /"num_heads" is 0: .*>0/],
  [{ vocab_size: "704" }, /"vocab_size" is "704": .*number/],
  [{ dropout_rate: 1 }, /"dropout_rate" is 1: .*<1/],
  [{ tie_word_embeddings: "no" }, /"tie_word_embeddings" is "no": .*boolean/],
];
for (const [changes, message] of REFUSED) {
  Deno.test(`parseT5Config: refuses ${JSON.stringify(changes)}`, () => {
    const json = { model_type: "t5", ...changes };
    assert.throws(() => parseT5Config(json, "dir/config.json"), { name: "UserError", message });
  });
}
