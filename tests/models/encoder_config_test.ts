import assert from "node:assert/strict";
import { UserError } from "../../lib/errors.ts";
import { labelsOf, parseEncoderConfig, positionCount } from "../../lib/models/encoder_config.ts";

Deno.test("defaults are those of transformers", () => {
  const roberta = parseEncoderConfig({ model_type: "roberta" }, "");
  assert.deepEqual([roberta.vocabSize, roberta.padTokenId], [50265, 1]);
  const bert = parseEncoderConfig({ model_type: "bert" }, "");
  assert.deepEqual([bert.vocabSize, bert.padTokenId, bert.typeVocabSize], [30522, 0, 2]);
  const distilbert = parseEncoderConfig({ model_type: "distilbert", dim: 24 }, "");
  assert.deepEqual(
    [distilbert.hiddenSize, distilbert.numLayers, distilbert.typeVocabSize],
    [24, 6, 0],
  );
  assert.deepEqual(distilbert.labels, ["LABEL_0", "LABEL_1"]);
});

Deno.test("labels are in the order of their ids, whatever the file's", () => {
  assert.deepEqual(labelsOf({ 1: "b", 0: "a" }, ""), ["a", "b"]);
  assert.throws(() => labelsOf({ 1: "b", 2: "c" }, "x.json"), /x\.json: .*ids 1, 2.*0 to 1/);
});

const faults: [object, RegExp][] = [
  [{ model_type: "gpt2" }, /^c: "model_type" is "gpt2", .*roberta, bert, distilbert.*onnx:/],
  [{}, /^c: "model_type" is missing/],
  [
    { model_type: "roberta", hidden_size: 10, num_attention_heads: 3 },
    /^c: 3 attention heads cannot share a hidden size of 10/,
  ],
  [{ model_type: "distilbert", dim: 9, n_heads: 2 }, /^c: 2 attention heads .* size of 9/],
  [{ model_type: "roberta", id2label: { 0: 5 } }, /^c: "id2label" is {"0":5}: .*string/],
  [{ model_type: "bert", hidden_size: 0 }, /^c: "hidden_size" is 0: /],
  [{ model_type: "bert", hidden_act: "swish" }, /^c: "hidden_act" is "swish": /],
  [{ model_type: "bert", position_embedding_type: "relative_key" }, /position_embedding_type/],
];
for (const [json, message] of faults) {
  Deno.test(`config ${JSON.stringify(json)}: one clear line`, () => {
    assert.throws(() => parseEncoderConfig(json, "c"), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("positions count from 0, those of RoBERTa's kin from after the padding token's", () => {
  const rows = { max_position_embeddings: 514 };
  assert.equal(positionCount({ ...rows, model_type: "electra" }), 514);
  assert.equal(positionCount({ ...rows, model_type: "xlm-roberta", pad_token_id: 1 }), 512);
  assert.equal(positionCount({ model_type: "bert" }), Infinity);
});
