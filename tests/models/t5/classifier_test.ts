import assert from "node:assert/strict";
import { join } from "node:path";
import type { Device } from "../../../lib/device/device.ts";
import { Checkpoint } from "../../../lib/formats/checkpoint.ts";
import { writeSafetensors } from "../../../lib/formats/safetensors.ts";
import { elementCount } from "../../../lib/formats/tensor_file.ts";
import { mergeAdapter } from "../../../lib/models/merge.ts";
import { loadLanguageModel } from "../../../lib/models/registry.ts";
import { SequenceClassifier } from "../../../lib/models/sequence_classifier.ts";
import { configureT5Classifier, T5Classifier } from "../../../lib/models/t5/classifier.ts";
import type { T5Config } from "../../../lib/models/t5/config.ts";
import {
  loadClassifierAdapter,
  loadTrainableClassifier,
  saveClassifierAdapter,
  saveTrainableClassifier,
  type TrainableClassifier,
} from "../../../lib/models/trainable_classifier.ts";
import { FrozenStore, TrainableStore, type WeightStore } from "../../../lib/models/weight_store.ts";
import { ClassifierAdapter } from "../../../lib/nn/classifier_adapter.ts";
import { loraSpecs } from "../../../lib/nn/lora.ts";
import { Parameters } from "../../../lib/nn/parameters.ts";
import { Random } from "../../../lib/random.ts";
import { Context } from "../../../lib/tensor/context.ts";
import { demoModelDir } from "../../demo_model.ts";
import { deviceTest, withDevice } from "../../device.ts";
import { relativeNorm, slopeAlong } from "../../numeric.ts";
import { assertClose, dot, randomValues } from "../../reference/check.ts";
import { t5ClassifierReference } from "../../reference/t5_classifier.ts";
import { withTempDir } from "../../temp_dir.ts";
import { merge } from "../random_adapter.ts";
import { TinyWeights } from "../tiny_weights.ts";
import { tinyConfig } from "./tiny_t5.ts";

const END = 1;
const tokens = (seed: number, length: number) => {
  const random = new Random(seed);
  return Array.from({ length }, () => random.integer(2, 37));
};
/** The end token last, alone, several times, and before the end of the text. */
const TEXTS = [
  [...tokens(1, 9), END],
  [END],
  [...tokens(2, 3), END, ...tokens(3, 40), END],
  [...tokens(4, 4), END, 0, 5],
];
/** Short ones, since differences take hundreds of passes of the reference. */
const SHORT = [[7, 9, END], [8, END, 4]];
const SETTINGS = { labels: ["a", "b"], problemType: null, dropoutRate: 0 };
const LORA = { r: 2, loraAlpha: 4, loraDropout: 0 };
const CONFIG = JSON.parse(Deno.readTextFileSync(join(demoModelDir, "config.json")));

/** A tiny classifier, by default on frozen weights. */
function tiny(
  device: Device,
  config: T5Config,
  weights: TinyWeights,
  store: WeightStore = new FrozenStore(device, weights, "f32"),
): T5Classifier {
  return new T5Classifier(device, config, SETTINGS, store);
}

async function read(
  model: T5Classifier,
  texts = TEXTS,
  adapter: ClassifierAdapter | null = null,
): Promise<number[]> {
  const cx = new Context(model.device);
  const values = [...await model.logits(cx, texts, adapter).read()];
  cx.release();
  return values;
}

/** Parameters of random values under the names and shapes of `specs`. */
function randomParameters(device: Device, specs: { name: string; shape: readonly number[] }[]) {
  const parameters = Parameters.create(device, specs, { trainable: true });
  const random = new Random(5);
  for (const { name, shape } of specs) {
    parameters.write(name, Float32Array.from(randomValues(random, elementCount(shape), 0.5)));
  }
  return parameters;
}

for (const version of ["v1.0", "v1.1"] as const) {
  const config = tinyConfig(version);

  deviceTest(
    `a classifier on T5 ${version}: logits, also with an adapter and its head`,
    async (device) => {
      const weights = new TinyWeights();
      const model = tiny(device, config, weights);
      assert.deepEqual(model.labels, ["a", "b"]);
      const count = weights.values.values().reduce((sum, { length }) => sum + length, 0);
      assert.equal(model.parameterCount, count);
      const expected = t5ClassifierReference(config, weights.values, TEXTS);
      assertClose(await read(model), expected, 1e-5, "logits");

      const lora = { ...LORA, targetModules: ["q", "v", "wo"] };
      const head = [...weights.shapes].map(([name, shape]) => ({ name, shape }))
        .filter(({ name }) => name.startsWith("classification_head."));
      const parameters = randomParameters(device, [
        ...loraSpecs(model.linearModules, lora),
        ...head,
      ]);
      const adapter = new ClassifierAdapter(lora, parameters);
      const merged = await merge(weights, adapter.lora);
      for (const [name, { data }] of await parameters.readAll()) {
        if (!name.includes("lora_")) merged.set(name, Float64Array.from(data));
      }
      const adapted = t5ClassifierReference(config, merged, TEXTS);
      assertClose(await read(model, TEXTS, adapter), adapted, 1e-5, "logits with an adapter");
    },
  );

  deviceTest(
    `a classifier on T5 ${version}: gradients of every weight against finite differences`,
    async (device) => {
      const weights = new TinyWeights();
      tiny(device, config, weights); // asks for every weight
      const specs = [...weights.shapes].map(([name, shape]) => ({ name, shape }));
      const parameters = Parameters.create(device, specs, { trainable: true });
      for (const [name, values] of weights.values) {
        parameters.write(name, Float32Array.from(values));
      }
      const model = tiny(device, config, weights, new TrainableStore(parameters));
      const slopes = randomValues(new Random(10), 2 * SHORT.length);
      const cx = new Context(device, { grad: true });
      const output = model.logits(cx, SHORT);
      const gradient = cx.from(Float32Array.from(slopes), output.shape);
      cx.backward([{ output, gradient }]);
      cx.release();
      const loss = () => dot(t5ClassifierReference(config, weights.values, SHORT), slopes);
      const random = new Random(13);
      const [actual, expected]: number[][] = [[], []];
      for (const [name, values] of weights.values) {
        const direction = randomValues(random, values.length);
        expected.push(slopeAlong(values, direction, loss, 1e-7));
        actual.push(dot(await parameters.get(name).grad!.read(), direction));
      }
      assertClose(actual, expected, 1e-4, "slopes");
    },
  );
}

deviceTest("a text's logits do not depend on the others, nor on their order", async (device) => {
  const model = tiny(device, tinyConfig("v1.1"), new TinyWeights());
  const all = await read(model);
  for (const [i, text] of TEXTS.entries()) {
    assert.deepEqual(await read(model, [text]), all.slice(2 * i, 2 * i + 2));
  }
  const reversed = await read(model, TEXTS.toReversed());
  assert.deepEqual(reversed.slice(-2), all.slice(0, 2));
});

Deno.test("dropout in the head is classifier_dropout's, the same for the same seed", () =>
  withDevice(async (device) => {
    const config = { ...tinyConfig("v1.1"), dropoutRate: 0 };
    const settings = { ...SETTINGS, dropoutRate: 0.5 };
    const store = new FrozenStore(device, new TinyWeights(), "f32");
    const model = new T5Classifier(device, config, settings, store);
    const draw = async (dropoutSeed: number | null) => {
      const cx = new Context(device, { dropoutSeed });
      const values = [...await model.logits(cx, TEXTS).read()];
      cx.release();
      return values;
    };
    assert.deepEqual(await draw(1), await draw(1));
    assert.notDeepEqual(await draw(1), await draw(2));
    assert.notDeepEqual(await draw(1), await draw(null));
  }));

Deno.test("what T5's classifier cannot read is refused", () =>
  withDevice((device) => {
    const model = tiny(device, tinyConfig("v1.1"), new TinyWeights());
    const cx = new Context(device);
    const refused = (texts: number[][], message: RegExp) =>
      assert.throws(() => model.logits(cx, texts), { name: "UserError", message });
    refused([[END], []], /^a text has 0 tokens/);
    refused([[END], [5, 6]], /^a text has no end token \(1\), at which T5's classifier scores it/);
    refused([[37, END]], /^a text has the token 37, the model's vocabulary has 37/);
    cx.release();
    const config = (keys: object) => () => configureT5Classifier({ ...CONFIG, ...keys }, "c.json");
    assert.throws(config({ eos_token_id: null }), {
      name: "UserError",
      message: /^c\.json: "eos_token_id" is null: T5's classifier scores a text at its end token$/,
    });
    assert.throws(config({ classifier_dropout: 1 }), {
      name: "UserError",
      message: /^c\.json: "classifier_dropout" is 1: /,
    });
    return Promise.resolve();
  }));

/** Moves everything that is trained by random values. */
async function randomize({ parameters }: TrainableClassifier): Promise<void> {
  const random = new Random(3);
  for (const [name, { data }] of await parameters.readAll()) {
    const moves = randomValues(random, data.length, 0.05);
    parameters.write(name, Float32Array.from(data, (value, i) => value + moves[i]));
  }
}

async function scores({ model, adapter }: TrainableClassifier): Promise<number[]> {
  return await read(model as T5Classifier, TEXTS, adapter);
}

Deno.test("a new head on a T5 that generates begins as in transformers", () =>
  withDevice(async (device) => {
    const trained = await loadClassifierAdapter(device, demoModelDir, LORA, { labels: 1 });
    const values = await trained.parameters.readAll();
    const head = [...values.keys()].filter((name) => !name.includes("lora_"));
    assert.deepEqual(head, [
      "classification_head.dense.weight",
      "classification_head.dense.bias",
      "classification_head.out_proj.weight",
      "classification_head.out_proj.bias",
    ]);
    assert.equal(
      [...values.keys()][0],
      "transformer.encoder.block.0.layer.0.SelfAttention.q.lora_A.weight",
    );
    const { data } = values.get("classification_head.dense.weight")!;
    const variance = data.reduce((sum, x) => sum + x * x, 0) / data.length;
    assert.ok(Math.abs(variance * CONFIG.d_model - 1) < 0.05, `${variance}`);
    assert.ok(values.get("classification_head.dense.bias")!.data.every((x) => x === 0));
    assert.ok((await scores(trained)).every(Number.isFinite));
  }));

deviceTest(
  "an adapter on a T5 that generates: saved, loaded, folded in and merged it scores alike",
  (device) =>
    withTempDir(async (dir) => {
      const [saved, merged] = ["adapter", "merged"].map((name) => join(dir, name));
      const trained = await loadClassifierAdapter(device, demoModelDir, LORA, { labels: 1 });
      await randomize(trained);
      await saveClassifierAdapter(trained, saved, demoModelDir);
      const expected = await scores(trained);
      const again = await loadClassifierAdapter(device, demoModelDir, { adapter: saved });
      assert.deepEqual(await scores(again), expected);
      const config = JSON.parse(Deno.readTextFileSync(join(saved, "adapter_config.json")));
      assert.deepEqual(config.modules_to_save, ["classification_head", "classifier", "score"]);
      assert.equal(config.task_type, "SEQ_CLS");
      await mergeAdapter(demoModelDir, saved, merged);
      for (const [name, options] of [[demoModelDir, { adapter: saved }], [merged, {}]] as const) {
        const classifier = await SequenceClassifier.load(device, name, options);
        assert.deepEqual(classifier.labels, ["LABEL_0"]);
        const found = (await classifier.tokenLogits(TEXTS)).flat();
        assert.ok(relativeNorm(found, expected) < 1e-5, name);
      }
      assertIsClassifier(merged);
      // An adapter on the classifier that it became, whose tensors have PEFT's names already.
      const next = await loadClassifierAdapter(device, merged, LORA);
      await randomize(next);
      await saveClassifierAdapter(next, join(dir, "next"), merged);
      await mergeAdapter(merged, join(dir, "next"), join(dir, "last"));
      const last = await SequenceClassifier.load(device, join(dir, "last"));
      assert.ok(relativeNorm((await last.tokenLogits(TEXTS)).flat(), await scores(next)) < 1e-5);
    }),
);

Deno.test("all weights of a classifier on T5: saved as transformers' class", () =>
  withDevice((device) =>
    withTempDir(async (dir) => {
      const trained = await loadTrainableClassifier(device, demoModelDir, { labels: 1 });
      assert.equal(trained.parameters.count, trained.model.parameterCount);
      await randomize(trained);
      await saveTrainableClassifier(trained, demoModelDir, dir);
      assertIsClassifier(dir);
      const classifier = await SequenceClassifier.load(device, dir);
      const found = (await classifier.tokenLogits(TEXTS)).flat();
      assert.ok(relativeNorm(found, await scores(trained)) < 1e-5);
      const again = await loadTrainableClassifier(device, dir);
      assert.deepEqual(await scores(again), await scores(trained));
      await assert.rejects(loadLanguageModel(device, dir), {
        name: "UserError",
        message: /the weights are those of a classifier \("transformer\.shared\.weight"\), which /,
      });
    })
  ));

/** Checks that a folder is one that transformers' T5ForSequenceClassification loads without a warning. */
function assertIsClassifier(folder: string): void {
  const config = JSON.parse(Deno.readTextFileSync(join(folder, "config.json")));
  assert.deepEqual(config.architectures, ["T5ForSequenceClassification"]);
  assert.deepEqual(config.id2label, { "0": "LABEL_0" });
  const bytes = Deno.readFileSync(join(folder, "model.safetensors"));
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const names = Object.keys(header).filter((name) => name !== "__metadata__");
  assert.ok(names.includes("transformer.shared.weight"));
  const own =
    /^(transformer\.(shared|encoder\.|decoder\.)|classification_head\.(dense|out_proj)\.)/;
  assert.deepEqual(names.filter((name) => !own.test(name)), []);
}

Deno.test("names that the embedding may have: each is the classifier's shared one", () =>
  withDevice((device) =>
    withTempDir(async (dir) => {
      const plain = await loadTrainableClassifier(device, demoModelDir, { labels: 1 });
      await saveTrainableClassifier(plain, demoModelDir, dir);
      using source = await Checkpoint.open(dir);
      const tensors = [...source.files.keys()].map((name) => {
        const { shape } = source.info(name);
        return [name, {
          shape,
          data: source.readFloats(name, 0, elementCount(shape)).slice(),
        }] as const;
      });
      const expected = await scores(plain);
      const aliases = [
        "transformer.encoder.embed_tokens.weight",
        "transformer.decoder.embed_tokens.weight",
      ];
      for (const kept of [[aliases[0]], [aliases[1]], ["transformer.shared.weight", ...aliases]]) {
        const folder = join(dir, kept.join("-"));
        await Deno.mkdir(folder);
        await Deno.copyFile(join(dir, "config.json"), join(folder, "config.json"));
        const written = tensors.flatMap(([name, tensor]) =>
          (name === "transformer.shared.weight" ? kept : [name])
            .map((own) => [own, { dtype: "F32", ...tensor }] as const)
        );
        await writeSafetensors(join(folder, "model.safetensors"), new Map(written));
        const loaded = await loadTrainableClassifier(device, folder);
        assert.deepEqual(loaded.parameters.names, plain.parameters.names);
        assert.deepEqual(await scores(loaded), expected);
      }
    })
  ));
