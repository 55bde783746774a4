import assert from "node:assert/strict";
import MODEL_CONFIGS from "../../../bench/model_configs.json" with { type: "json" };
import type { JsonObject } from "../../../lib/formats/hf_config.ts";
import {
  checkDecoderTensors,
  decoderLayout,
  decoderParameterCount,
  followDecoderWeights,
  tensorNames,
} from "../../../lib/models/decoder/checkpoint.ts";
import type { DecoderConfig } from "../../../lib/models/decoder/config.ts";
import { parseDecoderConfig } from "../../../lib/models/decoder/families.ts";
import type { CheckpointTensors } from "../../../lib/models/weight_store.ts";

const parse = (json: JsonObject) => parseDecoderConfig(json, "dir/config.json");

const LLAMA_2 = { model_type: "llama", vocab_size: 32000 };
const GEMMA = { model_type: "gemma3_text", num_hidden_layers: 8 };
const QWEN = { model_type: "qwen2", num_hidden_layers: 3 };
const LLAMA3_ROPE = {
  factor: 32,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
};
const LLAMA3_SCALING = {
  kind: "llama3",
  factor: 32,
  lowFreqFactor: 1,
  highFreqFactor: 4,
  originalMaxPositionEmbeddings: 8192,
};

/** Numbers of weights as the models' pages on the Hub have them. */
const COUNTS: readonly (readonly [name: string, count: number, json: JsonObject])[] = [
  ["smollm2-135m", 134_515_008, MODEL_CONFIGS["smollm2-135m"]],
  ["qwen2.5-0.5b", 494_032_768, MODEL_CONFIGS["qwen2.5-0.5b"]],
  ["qwen3-0.6b", 596_049_920, MODEL_CONFIGS["qwen3-0.6b"]],
  ["llama-3.2-1b", 1_235_814_400, MODEL_CONFIGS["llama-3.2-1b"]],
  ["gemma-3-270m", 268_098_176, MODEL_CONFIGS["gemma-3-270m"]],
  ["gpt2", 124_439_808, MODEL_CONFIGS.gpt2],
  ["llama-2-7b", 6_738_415_616, LLAMA_2],
  ["tinyllama-1.1b", 1_100_048_384, {
    ...LLAMA_2,
    ...{ hidden_size: 2048, intermediate_size: 5632, num_hidden_layers: 22 },
    num_key_value_heads: 4,
  }],
  ["mistral-7b-v0.1", 7_241_732_096, { model_type: "mistral" }],
];

for (const [name, count, json] of COUNTS) {
  Deno.test(`parameters of ${name}, from its config.json alone: ${count}`, () => {
    assert.equal(decoderParameterCount(parse(json)), count);
  });
}

const READ:
  readonly (readonly [what: string, json: JsonObject, expected: Partial<DecoderConfig>])[] = [
    ["Llama's defaults", { model_type: "llama" }, {
      ...{ vocabSize: 32000, hiddenSize: 4096, innerSize: 11008, heads: 32, keyHeads: 32 },
      ...{ headSize: 128, activation: "silu", tied: false, padTokenId: null, eosTokenIds: [2] },
      norm: { kind: "rms", eps: 1e-6, weightOffset: 0 },
      biases: { heads: false, output: false, feedForward: false },
    }],
    ["biases", { model_type: "llama", attention_bias: true, mlp_bias: true }, {
      biases: { heads: true, output: true, feedForward: true },
    }],
    ["Qwen2's biases", QWEN, { biases: { heads: true, output: false, feedForward: false } }],
    ["several end tokens", { model_type: "llama", eos_token_id: [5, 7, 5] }, {
      eosTokenIds: [5, 7],
    }],
    ["no end token", { model_type: "llama", eos_token_id: null }, { eosTokenIds: [] }],
    ["GPT-2's common names", { model_type: "gpt2", hidden_size: 24, num_attention_heads: 3 }, {
      ...{ hiddenSize: 24, innerSize: 96, heads: 3, keyHeads: 3, headSize: 8, positions: 1024 },
      ...{ tied: true, transposed: true, dropout: { embedding: 0.1, residual: 0.1 } },
    }],
    ["GPT-2's padding token", { model_type: "gpt2", pad_token_id: 7 }, {
      ...{ padTokenId: 7, trainsPadding: true },
    }],
    ["a padding token beyond the vocabulary", { model_type: "llama", pad_token_id: 32000 }, {
      ...{ padTokenId: null, trainsPadding: false },
    }],
    ["Gemma's own", GEMMA, {
      ...{ embeddingScale: Math.sqrt(2304), headSize: 256, keyHeads: 4, tied: true, padTokenId: 0 },
      ...{ activation: "gelu_new", norm: { kind: "rms", eps: 1e-6, weightOffset: 1 } },
    }],
  ];

for (const [what, json, expected] of READ) {
  Deno.test(`parseDecoderConfig: ${what}`, () => {
    const config = parse(json);
    for (const [key, value] of Object.entries(expected)) {
      assert.deepEqual(config[key as keyof DecoderConfig], value, key);
    }
  });
}

const windows = (json: JsonObject) => parse(json).layers.map(({ window }) => window);
const thetas = (json: JsonObject) => parse(json).layers.map(({ rope }) => rope?.theta);

Deno.test("parseDecoderConfig: windows of the layers", () => {
  assert.deepEqual(windows({ model_type: "mistral", num_hidden_layers: 2 }), [4096, 4096]);
  assert.deepEqual(windows({ model_type: "mistral", num_hidden_layers: 1, sliding_window: null }), [
    null,
  ]);
  assert.deepEqual(windows(QWEN), [null, null, null]);
  const used = { ...QWEN, use_sliding_window: true, sliding_window: 9 };
  assert.deepEqual(windows({ ...used, max_window_layers: 2 }), [null, null, 9]);
  const types = ["sliding_attention", "full_attention", "sliding_attention"];
  assert.deepEqual(windows({ ...used, layer_types: types }), [9, null, 9]);
  const six = [...new Array(5).fill(4096), null];
  assert.deepEqual(windows(GEMMA), [...six, 4096, 4096]);
  assert.deepEqual(windows({ ...GEMMA, _sliding_window_pattern: 2, num_hidden_layers: 3 }), [
    ...[4096, null, 4096],
  ]);
  assert.deepEqual(windows({ ...GEMMA, num_hidden_layers: 3, layer_types: types }), [
    ...[4096, null, 4096],
  ]);
});

Deno.test("parseDecoderConfig: scales of the attention", () => {
  const scales = (json: JsonObject) => parse(json).layers.map(({ scale }) => scale);
  assert.deepEqual(scales({ model_type: "llama", num_hidden_layers: 1, head_dim: 64 }), [1 / 8]);
  assert.deepEqual(scales({ ...GEMMA, num_hidden_layers: 1, query_pre_attn_scalar: 16 }), [1 / 4]);
  const gpt2 = { model_type: "gpt2", n_embd: 8, n_head: 2, n_layer: 2 };
  assert.deepEqual(scales(gpt2), [1 / 2, 1 / 2]);
  assert.deepEqual(scales({ ...gpt2, scale_attn_weights: false }), [1, 1]);
  assert.deepEqual(scales({ ...gpt2, scale_attn_by_inverse_layer_idx: true }), [1 / 2, 1 / 4]);
});

Deno.test("parseDecoderConfig: rotary positions of transformers 4 and 5", () => {
  const rope = (json: JsonObject) => parse({ model_type: "llama", ...json }).layers[0].rope;
  assert.deepEqual(rope({}), { theta: 10000, scaling: null });
  assert.deepEqual(rope({ rope_theta: 5, rope_scaling: { type: "linear", factor: 3 } }), {
    theta: 5,
    scaling: { kind: "linear", factor: 3 },
  });
  const expected = { theta: 5e5, scaling: LLAMA3_SCALING };
  const own = { rope_type: "llama3", ...LLAMA3_ROPE };
  assert.deepEqual(rope({ rope_theta: 5e5, rope_scaling: own }), expected);
  assert.deepEqual(rope({ rope_parameters: { ...own, rope_theta: 5e5 } }), expected);
  assert.deepEqual(thetas({ ...GEMMA, num_hidden_layers: 6 }), [...new Array(5).fill(1e4), 1e6]);
  const both = {
    full_attention: { rope_type: "linear", factor: 8, rope_theta: 2e6 },
    sliding_attention: { rope_type: "default", rope_theta: 3e4 },
  };
  const gemma = parse({ ...GEMMA, sliding_window_pattern: 2, rope_parameters: both });
  assert.deepEqual(gemma.layers.slice(0, 2).map(({ rope }) => rope), [
    { theta: 3e4, scaling: null },
    { theta: 2e6, scaling: { kind: "linear", factor: 8 } },
  ]);
});

Deno.test("parseDecoderConfig: keys that change nothing are passed over", () => {
  const gpt2 = { n_special: 0, predict_special_tokens: true, n_ctx: 1024, attn_pdrop: 0.1 };
  parse({ model_type: "gpt2", ...gpt2, reorder_and_upcast_attn: true });
  const llama = {
    pretraining_tp: 2,
    is_llama_config: true,
    unsloth_fixed: true,
    dtype: "bfloat16",
  };
  parse({ model_type: "llama", ...llama, rope_interleaved: false, max_position_embeddings: 2048 });
});

const REFUSED: readonly (readonly [json: JsonObject, message: RegExp])[] = [
  [{ model_type: "llama", rope_scaling: { rope_type: "yarn", factor: 4 } }, /"yarn".*llama3$/],
  [{ model_type: "llama", rope_scaling: { rope_type: "dynamic", factor: 4 } }, /"dynamic"/],
  [{ model_type: "llama", rope_scaling: { type: "linear" } }, /has no "factor", which "linear"/],
  [{ model_type: "llama", rope_scaling: { mrope_section: [1] } }, /has "mrope_section"/],
  [{ model_type: "llama", partial_rotary_factor: 0.5 }, /"partial_rotary_factor" is 0.5/],
  [{ model_type: "llama", rope_interleaved: true }, /"rope_interleaved" is true/],
  [{ model_type: "llama", hidden_act: "gelu_2" }, /"hidden_act" is "gelu_2"/],
  [{ model_type: "llama", sliding_window: 5 }, /"sliding_window" is 5, a setting .* "llama"/],
  [{ model_type: "llama", num_key_value_heads: 5 }, /"num_attention_heads" is 32.*, 5$/],
  [{ model_type: "llama", head_dim: 3 }, /a head has 3 columns, expected an even number/],
  [{ model_type: "llama", hidden_size: 100 }, /"hidden_size" is 100, expected a multiple/],
  [{ model_type: "llama", eos_token_id: 32000 }, /"eos_token_id" is 32000, .* 32000$/],
  [{ model_type: "llama", quantization_config: { bits: 4 } }, /"quantization_config" is {"bits"/],
  [{ ...QWEN, layer_types: ["full_attention"] }, /"layer_types" has 1 entries.* 3 layers/],
  [{ ...QWEN, layer_types: new Array(3).fill("sliding_attention") }, /"use_sliding_window" false/],
  [{ ...QWEN, layer_types: ["a", "b", "c"] }, /"layer_types.0" is "a"/],
  [{ ...QWEN, use_mrope: true }, /"use_mrope" is true/],
  [{ model_type: "qwen3", num_experts: 8 }, /"num_experts" is 8, a setting that Temper does not/],
  [{ ...GEMMA, attn_logit_softcapping: 50 }, /"attn_logit_softcapping" is 50: it changes/],
  [{ ...GEMMA, final_logit_softcapping: 30 }, /"final_logit_softcapping" is 30/],
  [{ ...GEMMA, use_bidirectional_attention: true }, /"use_bidirectional_attention" is true/],
  [{ ...GEMMA, rope_parameters: { full_attention: {} } }, /no "sliding_attention"/],
  [{ model_type: "gpt2", n_embd: 100, n_head: 12 }, /"n_embd" is 100, expected a multiple/],
  [{ model_type: "gpt2", n_embd: 24, hidden_size: 12 }, /"hidden_size" is 12 and "n_embd" is 24/],
  [{ model_type: "gpt2", add_cross_attention: true }, /"add_cross_attention" is true/],
  [{ model_type: "gpt_neox" }, /"model_type" is "gpt_neox", expected one of llama, mistral/],
];

for (const [json, message] of REFUSED) {
  Deno.test(`parseDecoderConfig: refuses ${JSON.stringify(json)}`, () => {
    assert.throws(() => parse(json), (error: Error) => {
      assert.equal(error.name, "UserError");
      assert.match(error.message, /^dir\/config\.json: /);
      assert.match(error.message, message);
      return true;
    });
  });
}

/** Tensors by name; equal values are equal tensors. */
function tensors(values: Readonly<Record<string, number>>): CheckpointTensors {
  return {
    has: (name) => name in values,
    names: () => Object.keys(values),
    same: (a, b) => values[a] === values[b],
  };
}

const TINY = { model_type: "llama", num_hidden_layers: 1, tie_word_embeddings: true };
const all = (config: DecoderConfig, others: Readonly<Record<string, number>> = {}) =>
  tensors({ ...Object.fromEntries(tensorNames(config).map((name) => [name, 1])), ...others });

Deno.test("followDecoderWeights: a head of its own is used, whatever config.json says of tying", () => {
  const tied = parse(TINY);
  assert.equal(followDecoderWeights(tied, all(tied)).tied, true);
  assert.equal(followDecoderWeights(tied, all(tied, { "lm_head.weight": 1 })).tied, true);
  assert.equal(followDecoderWeights(tied, all(tied, { "lm_head.weight": 2 })).tied, false);
});

Deno.test("followDecoderWeights: a model that was saved without its head", () => {
  const config = parse(TINY);
  const bare = tensorNames({ ...config, storedBase: "" });
  assert.ok(bare.includes("layers.0.self_attn.q_proj.weight"));
  const weights = tensors(Object.fromEntries(bare.map((name) => [name, 1])));
  const followed = followDecoderWeights(config, weights);
  assert.equal(followed.storedBase, "");
  checkDecoderTensors(followed, weights, "config.json");
  assert.deepEqual(decoderLayout(followed).weight("model.layers.0.self_attn.q_proj"), {
    name: "layers.0.self_attn.q_proj.weight",
    fanInFanOut: false,
  });
});

Deno.test("checkDecoderTensors: what the model would leave out is named; masks and value heads are not", () => {
  const config = parse(TINY);
  checkDecoderTensors(config, all(config, { "v_head.summary.weight": 1 }), "config.json");
  const inverse = "model.layers.0.self_attn.rotary_emb.inv_freq";
  checkDecoderTensors(config, all(config, { [inverse]: 1 }), "config.json");
  const gpt2 = parse({ model_type: "gpt2", n_layer: 1 });
  const masks = { "transformer.h.0.attn.bias": 1, "transformer.h.0.attn.masked_bias": 1 };
  checkDecoderTensors(gpt2, all(gpt2, masks), "config.json");
  const bias = "model.layers.0.self_attn.q_proj.bias";
  const message =
    `config.json: the weights have "${bias}" and 1 more tensors, which a "llama" model ` +
    "of this config.json has no place for";
  const weights = all(config, { [bias]: 1, "model.layers.1.mlp.up_proj.weight": 1 });
  assert.throws(() => checkDecoderTensors(config, weights, "config.json"), {
    name: "UserError",
    message,
  });
});
