import assert from "node:assert/strict";
import { join } from "node:path";
import { loadClassifier } from "../../../lib/runs/loading/classifiers.ts";
import { loadCase } from "../../golden/cases.ts";
import { withDevice } from "../../device.ts";
import { CLASSIFIER, onnxFolder } from "../../rewards/classifier_folder.ts";
import { withTempDir } from "../../temp_dir.ts";

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
