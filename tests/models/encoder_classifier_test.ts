import assert from "node:assert/strict";
import { EncoderClassifier } from "../../lib/models/encoder_classifier.ts";
import { parseEncoderConfig } from "../../lib/models/encoder_config.ts";
import { FrozenStore, TrainableStore, type WeightSource } from "../../lib/models/weight_store.ts";
import { Parameters } from "../../lib/nn/parameters.ts";
import { Context } from "../../lib/tensor/context.ts";
import { withDevice } from "../device.ts";
import { randomValues, slopeAlong } from "../numeric.ts";
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

  has(_name?: string): boolean {
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
      const model = new EncoderClassifier(device, config, new FrozenStore(device, source, "f32"));
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

for (const [family, json] of Object.entries(configs)) {
  Deno.test(`${family}: gradients of every weight against finite differences of the reference`, () =>
    withDevice(async (device) => {
      const config = parseEncoderConfig(json, "config.json");
      const source = new RecordingSource();
      const shapes = new Map<string, readonly number[]>();
      const read = source.read.bind(source);
      source.read = (name, shape) => {
        shapes.set(name, shape);
        return read(name, shape);
      };
      new EncoderClassifier(device, config, new FrozenStore(device, source, "f32"));
      const specs = [...shapes].map(([name, shape]) => ({ name, shape }));
      const parameters = Parameters.create(device, specs, { trainable: true });
      for (const [name, values] of source.values) parameters.write(name, values);
      const model = new EncoderClassifier(device, config, new TrainableStore(parameters));
      assert.equal(model.parameterCount, parameters.count);
      const sequences = [[2, 7, 0, 9, 3], [2], [2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 3]];
      const weights = randomValues(3 * config.labels.length, 5);
      const cx = new Context(device, { grad: true });
      const output = model.logits(cx, sequences);
      cx.backward([{ output, gradient: cx.from(weights, output.shape) }]);
      cx.release();

      const exact = new Map(
        Array.from(source.values, ([name, values]) => [name, Float64Array.from(values)]),
      );
      const loss = () =>
        sequences.flatMap((ids) => [...encoderLogits(config, (name) => exact.get(name)!, ids)])
          .reduce((sum, value, i) => sum + value * weights[i], 0);
      for (const [index, name] of parameters.names.entries()) {
        const values = exact.get(name)!;
        const direction = randomValues(values.length, 100 + index);
        const difference = slopeAlong(values, direction, loss, 1e-6);
        const gradient = await parameters.get(name).grad!.read();
        const slope = gradient.reduce((sum, value, i) => sum + value * direction[i], 0);
        assert.ok(
          Math.abs(slope - difference) < 1e-4 * (1 + Math.abs(difference)),
          `${name}: ${slope} along a direction, differences say ${difference}`,
        );
      }
    }));
}

Deno.test("norms under TensorFlow's names, gamma and beta, are read", () =>
  withDevice((device) => {
    const source = new RecordingSource();
    source.has = (name?: string) => !/LayerNorm\.(weight|bias)$/.test(name ?? "");
    new EncoderClassifier(
      device,
      parseEncoderConfig(configs.bert, ""),
      new FrozenStore(device, source, "f32"),
    );
    const norms = [...source.values.keys()].filter((name) => name.includes("LayerNorm"));
    assert.equal(norms.length, 2 * 5);
    assert.ok(norms.every((name) => /\.(gamma|beta)$/.test(name)), norms.join());
    assert.ok(norms.includes("bert.encoder.layer.1.attention.output.LayerNorm.gamma"));
    return Promise.resolve();
  }));

Deno.test("tokens that are no rows of a table, and texts without tokens, are refused", () =>
  withDevice((device) => {
    const store = new FrozenStore(device, new RecordingSource(), "f32");
    const model = new EncoderClassifier(device, parseEncoderConfig(configs.bert, ""), store);
    const refused = (ids: number[], message: RegExp) => {
      const cx = new Context(device);
      assert.throws(() => model.logits(cx, [[1], ids]), { name: "UserError", message });
      cx.release();
    };
    refused([], /a text has 0 tokens, the classifier reads 1 to 11$/);
    refused(new Array(12).fill(1), /a text has 12 tokens/);
    refused([1, 23], /has the token 23, the classifier's vocabulary has 23/);
    refused([-1], /has the token -1/);
    return Promise.resolve();
  }));

Deno.test("the names are those of transformers' checkpoints", () =>
  withDevice((device) => {
    const names = (json: object) => {
      const source = new RecordingSource();
      new EncoderClassifier(
        device,
        parseEncoderConfig(json, ""),
        new FrozenStore(device, source, "f32"),
      );
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

/** Logits of a small RoBERTa whose position table `change` has been applied to. */
async function robertaLogits(
  sequences: number[][],
  change: (positions: Float32Array, width: number) => void = () => {},
): Promise<number[]> {
  let logits: number[] = [];
  await withDevice(async (device) => {
    const config = parseEncoderConfig({
      ...configs.bert,
      ...{ model_type: "roberta", pad_token_id: 1, type_vocab_size: 1 },
    }, "config.json");
    const recording = new RecordingSource();
    const source: WeightSource = {
      has: () => true,
      read: (name, shape) => {
        const values = recording.read(name, shape);
        if (name.includes("position_embeddings")) change(values, shape[1]);
        return values;
      },
    };
    const model = new EncoderClassifier(device, config, new FrozenStore(device, source, "f32"));
    assert.equal(model.maxLength, 9);
    const cx = new Context(device);
    logits = [...await model.logits(cx, sequences).read()];
    cx.release();
  });
  return logits;
}

Deno.test("roberta: a padding token inside a text has the padding's position, and no turn of its own", async () => {
  const text = [0, 5, 1, 6, 2]; // at positions 2, 3, 1, 4, 5
  const logits = await robertaLogits([text]);
  for (let row = 0; row < 11; row++) {
    const moved = await robertaLogits([text], (positions, width) => {
      for (let i = 0; i < width; i++) positions[row * width + i] += i % 3;
    });
    const used = row >= 1 && row <= 5;
    assert.equal(moved.some((value, i) => value !== logits[i]), used, `position ${row}`);
  }
});

Deno.test("a text's logits do not depend on the others, nor on their order", async () => {
  const texts = [[0, 5, 2], [0, 2], [0, 9, 8, 7, 6, 5, 4, 3, 2]];
  const all = await robertaLogits(texts);
  assert.equal(new Set(all).size, 9);
  for (const [i, text] of texts.entries()) {
    assert.deepEqual(await robertaLogits([text]), all.slice(3 * i, 3 * i + 3));
  }
  const reversed = await robertaLogits(texts.toReversed());
  assert.deepEqual(reversed.slice(6), all.slice(0, 3));
});

Deno.test("a token beyond the vocabulary is refused", () =>
  assert.rejects(robertaLogits([[0, 2], [0, 23, 2]]), {
    name: "UserError",
    message: /a text has the token 23, the classifier's vocabulary has 23/,
  }));
