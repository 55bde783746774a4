import assert from "node:assert/strict";
import { join } from "node:path";
import { findOnnxModel, OnnxClassifier } from "../../lib/rewards/onnx_classifier.ts";
import { loadCase } from "../golden/cases.ts";
import { withTempDir } from "../temp_dir.ts";
import { onnxFolder } from "./classifier_folder.ts";
import { meanOfTokens } from "./onnx_model.ts";

/** Loads the ONNX classifier after `edit` has changed its folder. */
async function withOnnx(
  body: (classifier: OnnxClassifier) => Promise<void>,
  edit: (dir: string) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  await withTempDir(async (dir) => {
    await edit(await onnxFolder(dir));
    await body(await OnnxClassifier.load(dir));
  });
}

Deno.test("the ONNX model's logits are the original stack's, within 1e-4", () =>
  withOnnx(async (classifier) => {
    const { json, arrays } = loadCase<{ texts: string[] }>("toxicity");
    const { logits, truncated } = await classifier.logits(json.texts);
    assert.deepEqual(classifier.labels, ["nothate", "hate"]);
    assert.equal(truncated, 0);
    const expected = arrays.floats("logits");
    logits.flat().forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-4));
    assert.deepEqual(await classifier.logits([]), { logits: [], truncated: 0 });
  }));

Deno.test("long texts are cut at the model's positions, and counted", () =>
  withOnnx(async (classifier) => {
    assert.equal(classifier.maxLength, 512);
    const { logits, truncated } = await classifier.logits(["the ".repeat(600), "the"]);
    assert.equal(truncated, 1);
    assert.ok(logits.flat().every(Number.isFinite));
  }));

Deno.test("labels that the model does not have are an error", () =>
  assert.rejects(
    withOnnx((classifier) => classifier.logits(["a"]).then(() => {}), async (dir) => {
      const path = join(dir, "config.json");
      const config = JSON.parse(await Deno.readTextFile(path));
      config.id2label[2] = "unsure";
      await Deno.writeTextFile(path, JSON.stringify(config));
    }),
    /2 logits per text for the 3 labels/,
  ));

/** Changes the folder's config.json. */
function withConfig(changes: Record<string, unknown>): (dir: string) => Promise<void> {
  return async (dir) => {
    const path = join(dir, "config.json");
    const config = JSON.parse(await Deno.readTextFile(path));
    await Deno.writeTextFile(path, JSON.stringify({ ...config, ...changes }));
  };
}

Deno.test("the problem that the labels are of comes from config.json", () =>
  withOnnx((classifier) => {
    assert.equal(classifier.problemType, "multi_label_classification");
    assert.deepEqual(classifier.labels, ["0", "1"]);
    return Promise.resolve();
  }, withConfig({ problem_type: "multi_label_classification", id2label: { 0: 0, 1: 1 } })));

Deno.test("inputs may be int32, and the labels one without a name", () =>
  withOnnx(async (classifier) => {
    assert.deepEqual(classifier.labels, ["LABEL_0"]);
    const { logits } = await classifier.logits(["", "the the"]);
    const [[empty], [text]] = logits;
    // <s> </s> and two of padding, ids 0, 2, 1, 1.
    assert.equal(empty, 1);
    assert.ok(text > 50);
  }, async (dir) => {
    await Deno.writeFile(join(dir, "onnx", "model.onnx"), meanOfTokens());
    await withConfig({ id2label: undefined, num_labels: 1 })(dir);
  }));

Deno.test("a padding token that is none, or no positions, is one clear line", async () => {
  const refused = (changes: Record<string, unknown>, message: RegExp) =>
    assert.rejects(withOnnx(async () => {}, withConfig(changes)), { name: "UserError", message });
  await refused({ pad_token_id: 5000 }, /"pad_token_id" is 5000, expected a token below/);
  await refused({ pad_token_id: "x", model_type: "bert" }, /"pad_token_id" is "x", expected/);
  await refused({ max_position_embeddings: 2 }, /"max_position_embeddings" is 2.*3 tokens/);
  await refused({ max_position_embeddings: "x" }, /"max_position_embeddings" is "x"/);
});

Deno.test("a broken or missing ONNX file is one clear line", async () => {
  const broken = (dir: string) => Deno.writeTextFile(join(dir, "onnx", "model.onnx"), "no");
  await assert.rejects(withOnnx(async () => {}, broken), /model\.onnx is not an ONNX model: /);
  const missing = (dir: string) => Deno.remove(join(dir, "onnx", "model.onnx"));
  await assert.rejects(withOnnx(async () => {}, missing), /has no ONNX model: expected onnx\//);
});

Deno.test("findOnnxModel: the Hub's place, then the folder itself", () =>
  withTempDir(async (dir) => {
    assert.equal(await findOnnxModel(dir), null);
    await Deno.writeTextFile(join(dir, "model.onnx"), "");
    assert.equal(await findOnnxModel(dir), "model.onnx");
    await Deno.mkdir(join(dir, "onnx"));
    await Deno.writeTextFile(join(dir, "onnx", "model.onnx"), "");
    assert.equal(await findOnnxModel(dir), "onnx/model.onnx");
  }));
