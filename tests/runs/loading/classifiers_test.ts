import assert from "node:assert/strict";
import { join } from "node:path";
import { writePeftAdapter } from "../../../lib/formats/peft.ts";
import { loadClassifier } from "../../../lib/runs/loading/classifiers.ts";
import { loadCase } from "../../golden/cases.ts";
import { withDevice } from "../../device.ts";
import { CLASSIFIER, onnxFolder } from "../../rewards/classifier_folder.ts";
import { withTempDir } from "../../temp_dir.ts";

/** A layer of the demo's classifier. */
const QUERY = "roberta.encoder.layer.0.attention.self.query";

const { texts } = loadCase<{ texts: string[] }>("toxicity").json;

Deno.test("our kernels and ONNX give the same logits, within 1e-4, by every name", () =>
  withDevice((device) =>
    withTempDir(async (dir) => {
      await onnxFolder(dir);
      const { logits: expected } = await (await loadClassifier(device, CLASSIFIER)).logits(texts);
      for (const name of [dir, `onnx:${dir}`]) {
        const { logits } = await (await loadClassifier(device, name)).logits(texts);
        logits.flat().forEach((value, i) =>
          assert.ok(Math.abs(value - expected.flat()[i]) < 1e-4, name)
        );
      }
    })
  ));

Deno.test("a folder with weights runs on our kernels, of an unknown type on its ONNX model", () =>
  withDevice((device) =>
    withTempDir(async (dir) => {
      await onnxFolder(dir);
      const weights = "model.safetensors";
      await Deno.copyFile(join(CLASSIFIER, weights), join(dir, weights));
      const kind = async () => (await loadClassifier(device, dir)).constructor.name;
      assert.equal(await kind(), "SequenceClassifier");
      const path = join(dir, "config.json");
      const config = JSON.parse(await Deno.readTextFile(path));
      await Deno.writeTextFile(path, JSON.stringify({ ...config, model_type: "electra" }));
      assert.equal(await kind(), "OnnxClassifier");
    })
  ));

Deno.test("an adapter runs on the model that it names, and says which one is missing", () =>
  withDevice((device) =>
    withTempDir(async (dir) => {
      const width = 64;
      const bias = Float32Array.of(7, -7);
      const named = (baseModel: string | null) =>
        writePeftAdapter(dir, {
          config: {
            taskType: "SEQ_CLS",
            r: 1,
            loraAlpha: 1,
            loraDropout: 0,
            targetModules: ["query"],
            modulesToSave: ["classifier"],
            baseModel,
          },
          tensors: new Map([
            [`${QUERY}.lora_A.weight`, { shape: [1, width], data: new Float32Array(width) }],
            [`${QUERY}.lora_B.weight`, { shape: [width, 1], data: new Float32Array(width) }],
          ]),
          replaced: new Map([["classifier.out_proj.bias", { shape: [2], data: bias }]]),
        });
      await named(CLASSIFIER);
      const load = async (name: string) => (await loadClassifier(device, name)).logits(texts);
      const { logits: before } = await load(CLASSIFIER);
      const { logits: after } = await load(dir);
      const [from, to] = [before, after].map((rows) => rows.map(([a, b]) => a - b));
      const change = to[0] - from[0];
      assert.ok(Math.abs(change) > 5);
      to.forEach((value, i) => assert.ok(Math.abs(value - from[i] - change) < 1e-4));

      await named("no/such/model/anywhere");
      await assert.rejects(load(dir), {
        name: "UserError",
        message: /is an adapter for the model "no\/such\/model\/anywhere": cannot read no\/such/,
      });
      await named(null);
      await assert.rejects(load(dir), /"base_model_name_or_path" is null, expected the classifier/);
    })
  ));

Deno.test("a folder without either says what is missing", () =>
  withDevice(async (device) => {
    await assert.rejects(
      loadClassifier(device, "no/such/folder"),
      /cannot read no\/such\/folder: it does not exist; expected a folder/,
    );
    await assert.rejects(
      loadClassifier(device, "onnx:./no/such"),
      /cannot read \.\/no\/such: it does not exist; expected a folder/,
    );
  }));
