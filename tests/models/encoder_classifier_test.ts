import assert from "node:assert/strict";
import { EncoderClassifier } from "../../lib/models/encoder_classifier.ts";
import { parseEncoderConfig } from "../../lib/models/encoder_config.ts";
import { FrozenStore, type WeightSource } from "../../lib/models/weight_store.ts";
import { Context } from "../../lib/tensor/context.ts";
import { withDevice } from "../device.ts";
import { randomValues } from "../numeric.ts";
import { assertClose } from "../reference/check.ts";
import { encoderLogits } from "../reference/encoder_classifier.ts";

const id2label = { 0: "calm", 1: "rude", 2: "unsure" };
const configs = {
  bert: {
    model_type: "bert",
    vocab_size: 23,
    hidden_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 3,
    intermediate_size: 40,
    max_position_embeddings: 11,
    id2label,
  },
  distilbert: {
    model_type: "distilbert",
    vocab_size: 23,
    dim: 24,
    n_layers: 2,
    n_heads: 3,
    hidden_dim: 40,
    max_position_embeddings: 11,
    id2label,
  },
};

/** Random weights that remember what was read: names and values. */
class RecordingSource implements WeightSource {
  readonly values = new Map<string, Float32Array<ArrayBuffer>>();

  has(): boolean {
    return true;
  }

  read(name: string, shape: readonly number[]): Float32Array<ArrayBuffer> {
    const length = shape.reduce((a, b) => a * b);
    const values = randomValues(length, this.values.size + 1).map((v) => 0.5 * v);
    this.values.set(name, values);
    return values;
  }
}

for (const [family, json] of Object.entries(configs)) {
  Deno.test(`${family}: logits equal the f64 reference's, relative norm 1e-5`, () =>
    withDevice(async (device) => {
      const config = parseEncoderConfig(json, "config.json");
      const source = new RecordingSource();
      const model = new EncoderClassifier(config, new FrozenStore(device, source, "f32"));
      // Id 0 is padding: unlike RoBERTa's it keeps its position.
      const sequences = [[2, 7, 0, 9, 3], [2], [2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 3]];
      assert.equal(model.maxLength, 11);
      const cx = new Context(device);
      const logits = await model.logits(cx, sequences).read();
      cx.release();
      const expected = sequences.flatMap((ids) => [
        ...encoderLogits(config, (name) => source.values.get(name)!, ids),
      ]);
      assertClose(logits, expected, 1e-5, family);
    }));
}

Deno.test("the names are those of transformers' checkpoints", () =>
  withDevice((device) => {
    const names = (json: object) => {
      const source = new RecordingSource();
      new EncoderClassifier(parseEncoderConfig(json, ""), new FrozenStore(device, source, "f32"));
      return [...source.values.keys()];
    };
    const bert = names(configs.bert);
    assert.equal(bert.length, 5 + 2 * 16 + 4);
    for (
      const name of [
        "bert.embeddings.token_type_embeddings.weight",
        "bert.encoder.layer.1.attention.output.LayerNorm.bias",
        "bert.pooler.dense.weight",
        "classifier.bias",
      ]
    ) assert.ok(bert.includes(name), name);
    const distilbert = names(configs.distilbert);
    assert.equal(distilbert.length, 4 + 2 * 16 + 4);
    for (
      const name of [
        "distilbert.embeddings.LayerNorm.weight",
        "distilbert.transformer.layer.0.attention.q_lin.bias",
        "distilbert.transformer.layer.1.output_layer_norm.weight",
        "pre_classifier.weight",
      ]
    ) assert.ok(distilbert.includes(name), name);
    return Promise.resolve();
  }));
