import assert from "node:assert/strict";
import { WasmDevice } from "../../lib/device/wasm/wasm_device.ts";
import { MemoryFiles } from "../../lib/formats/model_files.ts";
import { SequenceClassifier } from "../../lib/models/sequence_classifier.ts";
import { demoModelDir, demoRewardDir } from "../demo_model.ts";
import { withDevice } from "../device.ts";

function withClassifier(body: (classifier: SequenceClassifier) => Promise<void>): Promise<void> {
  return withDevice(async (device) => body(await SequenceClassifier.load(device, demoRewardDir)));
}

Deno.test("SequenceClassifier: labels and the longest text come from the folder", () =>
  withClassifier((classifier) => {
    assert.deepEqual(classifier.labels, ["nothate", "hate"]);
    assert.equal(classifier.maxLength, 512);
    return Promise.resolve();
  }));

Deno.test("SequenceClassifier: long texts are cut and counted, their ends do not matter", () =>
  withClassifier(async (classifier) => {
    const long = "you are a fool. ".repeat(200);
    const texts = [long + "thank you so much", "thank you", long + "go away", ""];
    const { logits, truncated } = await classifier.logits(texts);
    assert.equal(truncated, 2);
    assert.deepEqual(logits.map((row) => row.length), [2, 2, 2, 2]);
    assert.deepEqual(logits[0], logits[2]);
    assert.notDeepEqual(logits[0], logits[1]);
    const front = await classifier.logits(["go away " + long]);
    assert.notDeepEqual(front.logits[0], logits[0]);
  }));

Deno.test("SequenceClassifier: a padding token inside a text is a token like others", () =>
  withClassifier(async (classifier) => {
    const texts = ["you are <pad> a fool", "you are a fool", "<pad>"];
    const { logits, truncated } = await classifier.logits(texts);
    assert.equal(truncated, 0);
    assert.ok(logits.flat().every(Number.isFinite));
    assert.notDeepEqual(logits[0], logits[1]);
    assert.deepEqual((await classifier.logits([texts[0]])).logits[0], logits[0]);
  }));

Deno.test("SequenceClassifier: no texts, no logits; no memory stays behind", () =>
  withDevice(async (device) => {
    const classifier = await SequenceClassifier.load(device, demoRewardDir);
    assert.deepEqual(await classifier.logits([]), { logits: [], truncated: 0 });
    const { used } = device.memory;
    await classifier.logits(["one", "two"]);
    assert.equal(device.memory.used, used);
  }));

Deno.test("SequenceClassifier: a folder of another kind is refused, by its model_type or for want of a head", () =>
  withDevice(async (device) => {
    const config = new TextEncoder().encode(JSON.stringify({ model_type: "vit" }));
    await assert.rejects(
      SequenceClassifier.load(device, new MemoryFiles([["config.json", config]])),
      {
        name: "UserError",
        message: /config\.json: "model_type" is "vit", expected one of roberta, bert/,
      },
    );
    await assert.rejects(SequenceClassifier.load(device, demoModelDir), {
      name: "UserError",
      message:
        /tiny-flan-t5\/config\.json: the weights have no "classification_head\.out_proj\.weight", the head of a classifier: is it a model that generates text\?$/,
    });
    await assert.rejects(SequenceClassifier.load(device, "/no/such"), { name: "UserError" });
  }));

Deno.test("SequenceClassifier: one that cannot fit is refused before it is read, and leaves nothing", async () => {
  const device = await WasmDevice.create({ threads: 1, maxBytes: 2 ** 16 });
  await assert.rejects(SequenceClassifier.load(device, demoRewardDir), {
    name: "OutOfMemoryError",
    message: /^the model takes \d+ MiB for f32 weights, the device has 1 MiB: \d+ MiB are missing$/,
  });
  assert.equal(device.memory.used, 0);
  device.close();
});
