import assert from "node:assert/strict";
import { UserError } from "../../lib/errors.ts";
import { labelsOf, positionCount, problemTypeOf } from "../../lib/models/classifier_config.ts";
import { parseEncoderConfig } from "../../lib/models/encoder_config.ts";

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
  assert.deepEqual(labelsOf({ id2label: { 1: "b", 0: "a" } }, ""), ["a", "b"]);
  assert.throws(
    () => labelsOf({ id2label: { 1: "b", 2: "c" } }, "x.json"),
    /x\.json: .*ids 1, 2.*0 to 1/,
  );
});

Deno.test("labels may be numbers, and without names there are num_labels of them", () => {
  assert.deepEqual(labelsOf({ id2label: { 0: 0, 1: 1 } }, ""), ["0", "1"]);
  assert.deepEqual(labelsOf({ num_labels: 1 }, ""), ["LABEL_0"]);
  assert.deepEqual(labelsOf({ num_labels: 3, id2label: null }, ""), [
    "LABEL_0",
    "LABEL_1",
    "LABEL_2",
  ]);
  assert.deepEqual(labelsOf({ _num_labels: 1 }, ""), ["LABEL_0"]);
  assert.deepEqual(labelsOf({}, ""), ["LABEL_0", "LABEL_1"]);
  // transformers goes by the names.
  assert.deepEqual(labelsOf({ num_labels: 5, id2label: { 0: "a" } }, ""), ["a"]);
});

Deno.test("problem_type is one of transformers' three, or not said", () => {
  assert.equal(problemTypeOf({ problem_type: "regression" }, ""), "regression");
  assert.equal(problemTypeOf({ problem_type: null }, ""), null);
  assert.equal(problemTypeOf({}, ""), null);
  assert.throws(
    () => problemTypeOf({ problem_type: "ranking" }, "c"),
    /^UserError: c: "problem_type" is "ranking", expected one of single_label_classification/,
  );
});

Deno.test("gelu has several names in transformers, some for its approximation by tanh", () => {
  const act = (hidden_act: string) =>
    parseEncoderConfig({ model_type: "bert", hidden_act }, "").activation;
  assert.deepEqual(["gelu", "gelu_python"].map(act), ["gelu", "gelu"]);
  const tanh = ["gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_accurate"];
  assert.deepEqual(new Set(tanh.map(act)), new Set(["gelu_new"]));
});

Deno.test("keys that change no result are passed over", () => {
  parseEncoderConfig({
    model_type: "bert",
    hidden_dropout_prob: 0.1,
    classifier_dropout: 0.3,
    chunk_size_feed_forward: 128,
    directionality: "bidi",
    pooler_fc_size: 768,
    gradient_checkpointing: true,
    use_cache: true,
    is_decoder: false,
    add_cross_attention: false,
    position_embedding_type: null,
    pad_token_id: null,
    tomorrow: null,
    repetition_penalty: 1.2,
    total_flos: 123,
    "transformers.js_config": { dtype: "q8" },
    sbert_ce_default_activation_function: "torch.nn.modules.linear.Identity",
  }, "");
  parseEncoderConfig({
    model_type: "distilbert",
    ...{ dropout: 0.1, attention_dropout: 0.1, qa_dropout: 0.1, seq_classif_dropout: 0.2 },
    ...{ sinusoidal_pos_embds: false, tie_weights_: true },
  }, "");
});

const faults: [object, RegExp][] = [
  [{ model_type: "gpt2" }, /^c: "model_type" is "gpt2", .*roberta, bert, distilbert.*onnx:/],
  [{}, /^c: "model_type" is missing/],
  [
    { model_type: "roberta", hidden_size: 10, num_attention_heads: 3 },
    /^c: 3 attention heads cannot share a hidden size of 10/,
  ],
  [{ model_type: "distilbert", dim: 9, n_heads: 2 }, /^c: 2 attention heads .* size of 9/],
  [{ model_type: "roberta", id2label: { 0: [] } }, /^c: "id2label" is {"0":\[\]}: /],
  [{ model_type: "bert", hidden_size: 0 }, /^c: "hidden_size" is 0: /],
  [{ model_type: "bert", hidden_act: "swish" }, /^c: "hidden_act" is "swish": /],
  [{ model_type: "bert", position_embedding_type: "relative_key" }, /position_embedding_type/],
  [{ model_type: "bert", is_decoder: true }, /^c: "is_decoder" is true: it changes/],
  [{ model_type: "roberta", add_cross_attention: true }, /^c: "add_cross_attention" is true/],
  [{ model_type: "bert", pruned_heads: { 0: [1] } }, /^c: "pruned_heads" is {"0":\[1\]}: it/],
  [{ model_type: "bert", quantization_config: { bits: 8 } }, /^c: "quantization_config" is /],
  [{ model_type: "bert", tomorrow: 3 }, /^c: "tomorrow" is 3, a setting that Temper does not/],
  [{ model_type: "distilbert", hidden_size: 9 }, /^c: "hidden_size" is 9, a setting that/],
  [{ model_type: "bert", num_hidden_layers: 1e9 }, /^c: "num_hidden_layers" is 1000000000: /],
  [{ model_type: "bert", hidden_size: 2 ** 40 }, /^c: "hidden_size" is 1099511627776: /],
  [{ model_type: "bert", layer_norm_eps: 5 }, /^c: "layer_norm_eps" is 5: /],
  [{ model_type: "bert", type_vocab_size: 0 }, /^c: "type_vocab_size" is 0: /],
  [{ model_type: "bert", num_labels: 0 }, /^c: "num_labels" is 0: /],
  [
    { model_type: "roberta", vocab_size: 9, pad_token_id: 9 },
    /^c: "pad_token_id" is 9, expected a token below "vocab_size", 9$/,
  ],
  [
    { model_type: "roberta", max_position_embeddings: 9, pad_token_id: 8 },
    /^c: "max_position_embeddings" is 9, "pad_token_id" 8: expected positions for 3 tokens/,
  ],
  [{ model_type: "bert", max_position_embeddings: 1 }, /^c: "max_position_embeddings" is 1: /],
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
  assert.equal(positionCount({ ...rows, model_type: "electra" }, ""), 514);
  assert.equal(positionCount({ ...rows, model_type: "xlm-roberta", pad_token_id: 1 }, ""), 512);
  assert.equal(positionCount({ model_type: "bert" }, ""), Infinity);
  assert.throws(() => positionCount({ model_type: "llama", max_position_embeddings: 9.5 }, ""), {
    name: "UserError",
    message: /"max_position_embeddings" is 9\.5: expected positions for 3 tokens or more$/,
  });
});
