import assert from "node:assert/strict";
import { join } from "node:path";
import { WasmDevice } from "../../lib/device/wasm/wasm_device.ts";
import { Checkpoint } from "../../lib/formats/checkpoint.ts";
import { writePeftAdapter } from "../../lib/formats/peft.ts";
import { writeSafetensors } from "../../lib/formats/safetensors.ts";
import { elementCount } from "../../lib/formats/tensor_file.ts";
import { EncoderClassifier } from "../../lib/models/encoder_classifier.ts";
import { parseEncoderConfig } from "../../lib/models/encoder_config.ts";
import { mergeAdapter } from "../../lib/models/merge.ts";
import { modelWeights } from "../../lib/models/outline.ts";
import { SequenceClassifier } from "../../lib/models/sequence_classifier.ts";
import {
  loadClassifierAdapter,
  loadTrainableClassifier,
  saveClassifierAdapter,
  saveTrainableClassifier,
  type TrainableClassifier,
} from "../../lib/models/trainable_classifier.ts";
import { Context } from "../../lib/tensor/context.ts";
import { demoRewardDir } from "../demo_model.ts";
import { withDevice } from "../device.ts";
import { goldenCausalDir } from "../golden_causal/folder.ts";
import { randomValues, relativeNorm } from "../numeric.ts";
import { withTempDir } from "../temp_dir.ts";

/** A language model, without a head of labels. */
const LLAMA = join(goldenCausalDir, "llama", "checkpoint");
const GPT2 = join(goldenCausalDir, "gpt2", "checkpoint");
/** One whose names have no `transformer.` before them. */
const GPT2_2019 = join(goldenCausalDir, "gpt2", "checkpoint-2019");
const LORA = { r: 2, loraAlpha: 4, loraDropout: 0 };
const TEXTS = [[5, 9, 30], [7], [8, 8, 8, 12, 40]];

async function logits({ model, adapter }: TrainableClassifier, texts = TEXTS): Promise<number[]> {
  const cx = new Context(model.device);
  const values = [...await model.logits(cx, texts, adapter).read()];
  cx.release();
  return values;
}

/** Writes random values into everything that is trained. */
function randomize({ parameters }: TrainableClassifier): void {
  parameters.names.forEach((name, i) => {
    const values = randomValues(parameters.get(name).length, i + 1).map((x) => x / 10);
    parameters.write(name, values);
  });
}

Deno.test("a new adapter on a language model: PEFT's default layers and a new head, by the seed", () =>
  withDevice(async (device) => {
    const load = (seed: number) => loadClassifierAdapter(device, LLAMA, LORA, { labels: 1, seed });
    const trained = await load(1);
    assert.deepEqual(trained.model.labels, ["LABEL_0"]);
    assert.deepEqual(trained.adapter.lora.config.targetModules, ["q_proj", "v_proj"]);
    const { names } = trained.parameters;
    assert.deepEqual([names.length, names.at(-1)], [13, "score.weight"]);
    const values = async (seed: number) => (await (await load(seed)).parameters.readAll());
    assert.deepEqual(await values(1), await trained.parameters.readAll());
    assert.notDeepEqual(
      (await values(2)).get("score.weight"),
      (await values(1)).get("score.weight"),
    );
    // As PEFT begins: the update is nothing, and the trained head is the model's.
    const frozen = await logits({ ...trained, adapter: null });
    assert.deepEqual(await logits(trained), frozen);
    assert.equal(frozen.length, 3);
  }));

Deno.test("a new adapter on an encoder: its own head, and the layers that PEFT adapts", () =>
  withDevice(async (device) => {
    const trained = await loadClassifierAdapter(device, demoRewardDir, LORA);
    assert.deepEqual(trained.adapter.lora.config.targetModules, ["query", "value"]);
    assert.deepEqual(trained.parameters.names.slice(-4), [
      "classifier.dense.weight",
      "classifier.dense.bias",
      "classifier.out_proj.weight",
      "classifier.out_proj.bias",
    ]);
    assert.deepEqual(await logits(trained), await logits({ ...trained, adapter: null }));
    assert.ok(!trained.model.linearModules.some(({ name }) => name.startsWith("classifier")));
    const all = await loadTrainableClassifier(device, demoRewardDir);
    assert.equal(all.parameters.count, trained.model.parameterCount);
  }));

/** Checks that all tensors but the head have their model's name before them, as transformers asks. */
async function assertClassifierNames(folder: string): Promise<void> {
  using checkpoint = await Checkpoint.open(folder);
  const odd = [...checkpoint.files.keys()].filter((name) =>
    !/^(model|transformer)\./.test(name) && name !== "score.weight"
  );
  assert.deepEqual(odd, []);
}

for (const [kind, folder] of [["llama", LLAMA], ["gpt2", GPT2]]) {
  Deno.test(`an adapter on ${kind}: saved, loaded, folded in and merged it scores alike`, () =>
    withDevice((device) =>
      withTempDir(async (dir) => {
        const [saved, merged] = ["adapter", "merged"].map((name) => join(dir, name));
        const trained = await loadClassifierAdapter(device, folder, LORA, { labels: 2 });
        randomize(trained);
        await saveClassifierAdapter(trained, saved, folder);
        const expected = await logits(trained);
        const again = await loadClassifierAdapter(device, folder, { adapter: saved });
        assert.deepEqual(await logits(again), expected);
        await mergeAdapter(folder, saved, merged);
        for (const [name, options] of [[folder, { adapter: saved }], [merged, {}]] as const) {
          const classifier = await SequenceClassifier.load(device, name, options);
          assert.deepEqual(classifier.labels, ["LABEL_0", "LABEL_1"]);
          const found = (await classifier.tokenLogits(TEXTS)).flat();
          assert.ok(relativeNorm(found, expected) < 1e-4, name);
        }
        const config = JSON.parse(Deno.readTextFileSync(join(merged, "config.json")));
        assert.match(config.architectures[0], /^(Llama|GPT2)ForSequenceClassification$/);
        await assertClassifierNames(merged);
      })
    ));

  Deno.test(`all weights of a classifier on ${kind}: saved as a Hugging Face classifier`, () =>
    withDevice((device) =>
      withTempDir(async (dir) => {
        const trained = await loadTrainableClassifier(device, folder, { labels: 1 });
        assert.equal(trained.parameters.count, trained.model.parameterCount);
        const names = trained.parameters.names;
        assert.ok(names.includes("score.weight") && !names.includes("lm_head.weight"));
        randomize(trained);
        await saveTrainableClassifier(trained, folder, join(dir, "model"));
        await assertClassifierNames(join(dir, "model"));
        const classifier = await SequenceClassifier.load(device, join(dir, "model"));
        assert.deepEqual(classifier.labels, ["LABEL_0"]);
        const found = (await classifier.tokenLogits(TEXTS)).flat();
        assert.ok(relativeNorm(found, await logits(trained)) < 1e-5);
      })
    ));
}

Deno.test("a GPT-2 whose names have no `transformer.` becomes a classifier whose names have it", () =>
  withDevice((device) =>
    withTempDir(async (dir) => {
      const [saved, merged, full] = ["adapter", "merged", "full"].map((name) => join(dir, name));
      const trained = await loadClassifierAdapter(device, GPT2_2019, LORA, { labels: 1 });
      randomize(trained);
      await saveClassifierAdapter(trained, saved, GPT2_2019);
      await mergeAdapter(GPT2_2019, saved, merged);
      await assertClassifierNames(merged);
      const read = await logits(await loadTrainableClassifier(device, merged));
      assert.ok(relativeNorm(read, await logits(trained)) < 1e-4);
      const all = await loadTrainableClassifier(device, GPT2_2019, { labels: 1 });
      await saveTrainableClassifier(all, GPT2_2019, full);
      await assertClassifierNames(full);
      assert.deepEqual(
        await logits(await loadTrainableClassifier(device, full)),
        await logits(all),
      );
    })
  ));

Deno.test("gradients reach every weight", () =>
  withDevice(async (device) => {
    for (const source of [LLAMA, demoRewardDir]) {
      const trained = await loadTrainableClassifier(device, source, {
        labels: source === LLAMA ? 1 : undefined,
      });
      const cx = new Context(device, { grad: true });
      const output = trained.model.logits(cx, TEXTS);
      const gradient = cx.from(randomValues(output.length, 4), output.shape);
      cx.backward([{ output, gradient }]);
      cx.release();
      for (const name of trained.parameters.names) {
        // Keys shifted alike change no attention.
        if (/key\.bias$/.test(name)) continue;
        const values = await trained.parameters.get(name).grad!.read();
        assert.ok(values.some((value) => value !== 0), name);
      }
    }
  }));

Deno.test("a classifier for other labels keeps what fits of its head, and becomes one for these", () =>
  withDevice((device) =>
    withTempDir(async (dir) => {
      const own = await loadTrainableClassifier(device, demoRewardDir);
      const trained = await loadClassifierAdapter(device, demoRewardDir, LORA, { labels: 1 });
      const [before, after] = [await own.parameters.readAll(), await trained.parameters.readAll()];
      const dense = "classifier.dense.weight";
      assert.deepEqual(after.get(dense), before.get(dense));
      assert.equal(after.get("classifier.out_proj.weight")!.shape[0], 1);
      randomize(trained);
      const expected = await logits(trained);
      const [adapter, merged, full] = ["adapter", "merged", "full"].map((name) => join(dir, name));
      await saveClassifierAdapter(trained, adapter, "demo");
      await mergeAdapter(demoRewardDir, adapter, merged);
      const again = await loadClassifierAdapter(device, demoRewardDir, { adapter });
      assert.deepEqual(await logits(again), expected);
      const classifiers = [
        await SequenceClassifier.load(device, demoRewardDir, { adapter }),
        await SequenceClassifier.load(device, merged),
      ];
      for (const classifier of classifiers) {
        assert.deepEqual(classifier.labels, ["LABEL_0"]);
        const found = (await classifier.tokenLogits(TEXTS)).flat();
        assert.ok(relativeNorm(found, expected) < 1e-5, `${found}`);
      }
      const whole = await loadTrainableClassifier(device, demoRewardDir, { labels: 3 });
      await saveTrainableClassifier(whole, demoRewardDir, full);
      const { labels } = await SequenceClassifier.load(device, full);
      assert.deepEqual(labels, ["LABEL_0", "LABEL_1", "LABEL_2"]);
    })
  ));

Deno.test("what does not fit is refused by name, and nothing stays on the device", () =>
  withDevice((device) =>
    withTempDir(async (dir) => {
      const refused = async (loading: Promise<unknown>, message: RegExp) => {
        await assert.rejects(loading, { name: "UserError", message });
        assert.equal(device.memory.used, used);
      };
      let { used } = device.memory;
      await refused(
        loadClassifierAdapter(device, LLAMA, { ...LORA, targetModules: ["query"] }, { labels: 1 }),
        /no linear layer is called "query"/,
      );
      const trained = await loadClassifierAdapter(device, LLAMA, LORA, { labels: 1 });
      ({ used } = device.memory);
      await saveClassifierAdapter(trained, dir, "llama");
      await refused(
        loadClassifierAdapter(device, GPT2, { adapter: dir }),
        /the adapter's "score\.weight" is \[1, 64\], config\.json asks for \[1, 48\]/,
      );
      const values = { shape: [1, 2], data: new Float32Array(2) };
      await writePeftAdapter(dir, {
        config: {
          ...trained.adapter.lora.config,
          taskType: "SEQ_CLS",
          modulesToSave: ["norm"],
          baseModel: null,
        },
        tensors: new Map(
          Array.from(await trained.parameters.readAll())
            .filter(([name]) => name.includes("lora_"))
            .map(([name, { shape, data }]) => [name, { shape, data: new Float32Array(data) }]),
        ),
        replaced: new Map([["model.norm.weight", values]]),
      });
      await refused(
        loadClassifierAdapter(device, LLAMA, { adapter: dir }, { labels: 1 }),
        /its model\.norm\.weight is \[1, 2\], which is not of this model's head/,
      );
    })
  ));

Deno.test("a classifier that cannot fit is refused before it is read, and leaves nothing", async () => {
  const device = await WasmDevice.create({ threads: 1, maxBytes: 2 ** 16 });
  await assert.rejects(loadClassifierAdapter(device, demoRewardDir, LORA), {
    name: "OutOfMemoryError",
    message: /MiB for f32 weights, the device has 1 MiB: /,
  });
  await assert.rejects(loadTrainableClassifier(device, demoRewardDir), {
    name: "OutOfMemoryError",
    message: /MiB for the weights and their gradients, the device has 1 MiB: /,
  });
  assert.equal(device.memory.used, 0);
  device.close();
});

Deno.test("what fails while it is read leaves nothing on the device", () =>
  withDevice(async (device) => {
    const { readFloats } = Checkpoint.prototype;
    // The last of the head, which an adapter reads once more, as its own.
    const cases = [
      [() => loadClassifierAdapter(device, demoRewardDir, LORA), 2],
      [() => loadTrainableClassifier(device, demoRewardDir), 1],
    ] as const;
    try {
      for (const [load, failing] of cases) {
        let reads = 0;
        Checkpoint.prototype.readFloats = function (name, ...rest) {
          if (name === "classifier.out_proj.bias" && ++reads === failing) {
            throw new Error("no disk");
          }
          return readFloats.call(this, name, ...rest);
        };
        await assert.rejects(load(), { message: "no disk" });
        assert.equal(device.memory.used, 0);
      }
    } finally {
      Checkpoint.prototype.readFloats = readFloats;
    }
  }));

Deno.test("norms under TensorFlow's names train, too", () =>
  withDevice((device) =>
    withTempDir(async (dir) => {
      const renamed = (name: string) =>
        name.replace(/LayerNorm\.weight$/, "LayerNorm.gamma").replace(
          /LayerNorm\.bias$/,
          "LayerNorm.beta",
        );
      await Deno.copyFile(join(demoRewardDir, "config.json"), join(dir, "config.json"));
      using source = await Checkpoint.open(demoRewardDir);
      const names = [...source.files.keys()].filter((name) => source.info(name).dtype !== "I64");
      const tensors = names.map((name) => {
        const { shape } = source.info(name);
        const data = source.readFloats(name, 0, elementCount(shape)).slice();
        return [renamed(name), { dtype: "F32", shape, data }] as const;
      });
      await writeSafetensors(join(dir, "model.safetensors"), new Map(tensors));
      const [plain, old] = [demoRewardDir, dir].map((folder) =>
        loadTrainableClassifier(device, folder)
      );
      assert.ok((await old).parameters.names.includes("roberta.embeddings.LayerNorm.gamma"));
      assert.deepEqual(await logits(await old), await logits(await plain));
    })
  ));

Deno.test("a DistilBERT without a head: both of its layers begin anew, are trained and saved", () =>
  withDevice((device) =>
    withTempDir(async (dir) => {
      const sizes = { vocab_size: 50, dim: 8, n_layers: 1, n_heads: 2, hidden_dim: 12 };
      const json = { model_type: "distilbert", ...sizes, max_position_embeddings: 16 };
      const config = parseEncoderConfig(json, "config.json");
      const body = modelWeights(device, (device, store) =>
        new EncoderClassifier(device, config, store)).filter(({ name }) =>
          name.startsWith("distilbert.")
        );
      await Deno.writeTextFile(join(dir, "config.json"), JSON.stringify(json));
      await writeSafetensors(
        join(dir, "model.safetensors"),
        new Map(body.map(({ name, shape }, i) => {
          const data = Float32Array.from(randomValues(elementCount(shape), i));
          return [name, { dtype: "F32", shape, data }];
        })),
      );
      const head = [
        "pre_classifier.weight",
        "pre_classifier.bias",
        "classifier.weight",
        "classifier.bias",
      ];
      const all = await loadTrainableClassifier(device, dir, { labels: 1 });
      assert.deepEqual(all.parameters.names.slice(-4), head);
      const trained = await loadClassifierAdapter(device, dir, LORA, { labels: 1 });
      assert.deepEqual(trained.parameters.names.slice(-4), head);
      randomize(trained);
      const expected = await logits(trained);
      const adapter = join(dir, "adapter");
      await saveClassifierAdapter(trained, adapter, "distilbert");
      const again = await loadClassifierAdapter(device, dir, { adapter });
      assert.deepEqual(await logits(again), expected);
    })
  ));
