import assert from "node:assert/strict";
import { join } from "node:path";
import { followT5Weights } from "../../../lib/models/t5/checkpoint.ts";
import { parseT5Config, type T5Config } from "../../../lib/models/t5/config.ts";
import type { CheckpointTensors } from "../../../lib/models/weight_store.ts";
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
    activation: "gelu_new",
    gated: true,
    embedding: "shared.weight",
    tieWordEmbeddings: false,
    scaleDecoderOutputs: false,
    padTokenId: 0,
    eosTokenIds: [1],
    decoderStartTokenId: 0,
  });
});

Deno.test("parseT5Config: what is missing is as in transformers' T5Config", () => {
  const config = parseT5Config({ model_type: "t5", num_layers: 4 }, "config.json");
  assert.equal(config.vocabSize, 32128);
  assert.deepEqual([config.dModel, config.dKv, config.dFf, config.numHeads], [512, 64, 2048, 8]);
  assert.deepEqual([config.numLayers, config.numDecoderLayers], [4, 4]);
  assert.deepEqual([config.activation, config.gated], ["relu", false]);
  assert.deepEqual([config.tieWordEmbeddings, config.scaleDecoderOutputs], [true, true]);
  assert.equal(parseT5Config({ model_type: "t5", num_decoder_layers: null }, "").numLayers, 6);
});

const READ: [string, Record<string, unknown>, Partial<T5Config>][] = [
  ["T5 v1.1 as transformers 5 saves it", {
    tie_word_embeddings: true,
    scale_decoder_outputs: false,
  }, { tieWordEmbeddings: true, scaleDecoderOutputs: false }],
  ["T5 v1.0 as transformers 5 saves it", {
    tie_word_embeddings: true,
    scale_decoder_outputs: true,
  }, { scaleDecoderOutputs: true }],
  ["nulls, which mean the default", { pad_token_id: null, decoder_start_token_id: null }, {
    padTokenId: 0,
    decoderStartTokenId: 0,
  }],
  ["no end token", { eos_token_id: null }, { eosTokenIds: [] }],
  ["several end tokens", { eos_token_id: [1, 5, 1] }, { eosTokenIds: [1, 5] }],
  ["a decoder that starts with the padding", { pad_token_id: 3 }, { decoderStartTokenId: 3 }],
  ["an ungated gelu", { feed_forward_proj: "gelu" }, { activation: "gelu", gated: false }],
  ["a gated relu", { feed_forward_proj: "gated-relu" }, { activation: "relu", gated: true }],
  ["gated-gelu, which means gelu_new", {
    feed_forward_proj: "gated-gelu",
    dense_act_fn: "gelu_pytorch_tanh",
  }, { activation: "gelu_new", gated: true }],
  ["the feed-forward by its two other keys", { dense_act_fn: "gelu_new", is_gated_act: true }, {
    activation: "gelu_new",
    gated: true,
  }],
  ["sizes under transformers' common names", { hidden_size: 96, num_hidden_layers: 3 }, {
    dModel: 96,
    numLayers: 3,
    numDecoderLayers: 3,
  }],
];
for (const [name, keys, expected] of READ) {
  Deno.test(`parseT5Config: ${name}`, () => {
    const config = parseT5Config({ model_type: "t5", ...keys }, "config.json");
    for (const [key, value] of Object.entries(expected)) {
      assert.deepEqual(config[key as keyof T5Config], value, key);
    }
  });
}

Deno.test("parseT5Config: keys that change nothing are passed over", () => {
  const json = {
    model_type: "t5",
    ...{ architectures: ["T5ForConditionalGeneration"], n_positions: 512, use_cache: false },
    ...{ dtype: "bfloat16", initializer_factor: 2, classifier_dropout: 0.5, is_decoder: false },
    ...{ num_beams: 4, repetition_penalty: 1, bad_words_ids: null, quantization_config: null },
    ...{ task_specific_params: { summarization: { num_beams: 4 } }, a_key_of_tomorrow: null },
    ...{ another_of_tomorrow: false, a_list_of_tomorrow: [], pruned_heads: {} },
  };
  assert.equal(parseT5Config(json, "config.json").vocabSize, 32128);
});

/** A checkpoint of tensors that have one value each. */
function checkpoint(tensors: Record<string, number>): CheckpointTensors {
  return {
    has: (name) => name in tensors,
    names: () => Object.keys(tensors),
    same: (a, b) => tensors[a] === tensors[b],
  };
}

const FOLLOWED: [string, Record<string, unknown>, Record<string, number>, Partial<T5Config>][] = [
  [
    "a head of its own is used, though config.json says tied",
    { tie_word_embeddings: true, scale_decoder_outputs: false },
    { "shared.weight": 1, "lm_head.weight": 2 },
    { tieWordEmbeddings: false, scaleDecoderOutputs: false },
  ],
  [
    "a head that repeats the embedding is tied",
    {},
    { "shared.weight": 1, "encoder.embed_tokens.weight": 1, "lm_head.weight": 1 },
    { embedding: "shared.weight", tieWordEmbeddings: true, scaleDecoderOutputs: true },
  ],
  [
    "v1.1 without a head, as transformers 5 reads it",
    { tie_word_embeddings: false, scale_decoder_outputs: false },
    { "shared.weight": 1 },
    { tieWordEmbeddings: true, scaleDecoderOutputs: false },
  ],
  [
    "v1.1 without a head, as transformers 4 saved it, lacks it",
    { tie_word_embeddings: false },
    { "shared.weight": 1 },
    { tieWordEmbeddings: false },
  ],
  [
    "the decoder's name of the embedding",
    { tie_word_embeddings: false },
    { "decoder.embed_tokens.weight": 1, "lm_head.weight": 2 },
    { embedding: "decoder.embed_tokens.weight", tieWordEmbeddings: false },
  ],
  [
    "the encoder's name of the embedding",
    {},
    { "encoder.embed_tokens.weight": 1 },
    { embedding: "encoder.embed_tokens.weight", tieWordEmbeddings: true },
  ],
  [
    "the head's name of the embedding",
    {},
    { "lm_head.weight": 1 },
    { embedding: "lm_head.weight", tieWordEmbeddings: true, scaleDecoderOutputs: true },
  ],
];
for (const [name, keys, tensors, expected] of FOLLOWED) {
  Deno.test(`followT5Weights: ${name}`, () => {
    const json = { model_type: "t5", ...keys };
    const parsed = parseT5Config(json, "config.json");
    const config = followT5Weights(parsed, json, checkpoint(tensors), "config.json");
    assert.deepEqual(config, { ...parsed, ...expected });
  });
}

Deno.test("followT5Weights: refuses embeddings that T5 shares and that differ", () => {
  const json = { model_type: "t5" };
  const weights = checkpoint({ "shared.weight": 1, "decoder.embed_tokens.weight": 2 });
  assert.throws(() => followT5Weights(parseT5Config(json, "c"), json, weights, "c"), {
    name: "UserError",
    message: /different values in "shared\.weight" and "decoder\.embed_tokens\.weight"/,
  });
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
  [{ eos_token_id: 40000 }, /"eos_token_id" is 40000, .* below "vocab_size", 32128/],
  [{ eos_token_id: [1, 32128] }, /"eos_token_id" is 32128, .* below "vocab_size", 32128/],
  [{ eos_token_id: -1 }, /"eos_token_id" is -1: /],
  [{ eos_token_id: 1.5 }, /"eos_token_id" is 1\.5: /],
  [{ pad_token_id: 5e6 }, /"pad_token_id" is 5000000, .* below "vocab_size"/],
  [{ decoder_start_token_id: 32200 }, /"decoder_start_token_id" is 32200, /],
  [{ num_layers: 1e9 }, /"num_layers" is 1000000000: /],
  [{ d_ff: 2 ** 40 }, /"d_ff" is 1099511627776: /],
  [{ layer_norm_epsilon: 1e3 }, /"layer_norm_epsilon" is 1000: /],
  [{ layer_norm_epsilon: 0 }, /"layer_norm_epsilon" is 0: /],
  [{ relative_attention_num_buckets: 1 }, /"relative_attention_num_buckets" is 1: /],
  [
    { relative_attention_max_distance: 16 },
    /"relative_attention_max_distance" is 16, expected more/,
  ],
  [{ hidden_size: 64, d_model: 128 }, /"hidden_size" is 64 and "d_model" is 128, two names/],
  [
    { feed_forward_proj: "gated-gelu", dense_act_fn: "gelu" },
    /"dense_act_fn" is "gelu", which "feed_forward_proj" "gated-gelu" contradicts/,
  ],
  [{ feed_forward_proj: "relu", is_gated_act: true }, /"is_gated_act" is true, which/],
  [{ dense_act_fn: "silu" }, /"dense_act_fn" is "silu": /],
  [{ quantization_config: { bits: 4 } }, /"quantization_config" is \{"bits":4\}: it changes/],
  [{ is_encoder_decoder: false }, /"is_encoder_decoder" is false: .* implements true alone$/],
  [{ is_decoder: true }, /"is_decoder" is true: it changes/],
  [{ tie_encoder_decoder: true }, /"tie_encoder_decoder" is true: /],
  [{ repetition_penalty: 1.5 }, /"repetition_penalty" is 1\.5: .* implements 1 alone$/],
  [{ forced_bos_token_id: 0 }, /"forced_bos_token_id" is 0: /],
  [{ attention_scale: 0.5 }, /"attention_scale" is 0\.5, a setting that Temper does not know/],
];
for (const [changes, message] of REFUSED) {
  Deno.test(`parseT5Config: refuses ${JSON.stringify(changes)}`, () => {
    const json = { model_type: "t5", ...changes };
    assert.throws(() => parseT5Config(json, "dir/config.json"), { name: "UserError", message });
  });
}
