import assert from "node:assert/strict";
import { join } from "node:path";
import type { JsonObject } from "../../../lib/formats/hf_config.ts";
import { MemoryFiles } from "../../../lib/formats/model_files.ts";
import { loadTrainableModel } from "../../../lib/models/trainable.ts";
import type { LanguageModel } from "../../../lib/models/language_model.ts";
import { loadLanguageModel } from "../../../lib/models/registry.ts";
import { Context } from "../../../lib/tensor/context.ts";
import { Packed } from "../../../lib/tensor/packed.ts";
import { demoModelDir } from "../../demo_model.ts";
import { withDevice } from "../../device.ts";

const CONFIG = JSON.parse(Deno.readTextFileSync(join(demoModelDir, "config.json")));
const WEIGHTS = Deno.readFileSync(join(demoModelDir, "model.safetensors"));

/** The demo's checkpoint with other keys, and with tensors under other names: null for none. */
function demo(keys: JsonObject, names: Record<string, string | null> = {}): MemoryFiles {
  const length = Number(new DataView(WEIGHTS.buffer).getBigUint64(0, true));
  const header: Record<string, { data_offsets: [number, number] }> = JSON.parse(
    new TextDecoder().decode(WEIGHTS.subarray(8, 8 + length)),
  );
  const parts: Uint8Array[] = [];
  const changed: JsonObject = {};
  let end = 0;
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__" || names[name] === null) continue;
    const [first, last] = entry.data_offsets;
    parts.push(WEIGHTS.subarray(8 + length + first, 8 + length + last));
    changed[names[name] ?? name] = { ...entry, data_offsets: [end, end += last - first] };
  }
  const json = new TextEncoder().encode(JSON.stringify(changed));
  const weights = new Uint8Array(8 + json.length + end);
  new DataView(weights.buffer).setBigUint64(0, BigInt(json.length), true);
  weights.set(json, 8);
  let at = 8 + json.length;
  for (const part of parts) {
    weights.set(part, at);
    at += part.length;
  }
  const config = new TextEncoder().encode(JSON.stringify({ ...CONFIG, ...keys }));
  return new MemoryFiles([["config.json", config], ["model.safetensors", weights]]);
}

async function logits(model: LanguageModel): Promise<Float32Array> {
  const cx = new Context(model.device);
  const memory = model.prefill(cx, [[5, 9, 300, 1]], null, "pass");
  const hidden = model.forward(cx, Packed.create(cx, [[0, 7, 12]]), memory, null);
  const result = await model.logits(cx, hidden).read();
  cx.release();
  return Float32Array.from(result);
}

const SAME: [string, JsonObject, Record<string, string>][] = [
  ["as transformers 5 saves it", { tie_word_embeddings: true, scale_decoder_outputs: false }, {}],
  ["the embedding under the decoder's name", {}, {
    "shared.weight": "decoder.embed_tokens.weight",
  }],
  ["the embedding under the encoder's name", {}, {
    "shared.weight": "encoder.embed_tokens.weight",
  }],
];
for (const [name, keys, names] of SAME) {
  Deno.test(`T5 v1.1 ${name}: the same logits, frozen and trainable`, () =>
    withDevice(async (device) => {
      const expected = await logits(await loadLanguageModel(device, demoModelDir));
      const files = demo(keys, names);
      assert.deepEqual(await logits(await loadLanguageModel(device, files)), expected);
      const whole = await logits((await loadTrainableModel(device, demoModelDir)).model);
      const { model } = await loadTrainableModel(device, files);
      assert.deepEqual(await logits(model), whole);
    }));
}

Deno.test("T5 with a head of its own that says tied is not tied; what scales is config.json's to say", () =>
  withDevice(async (device) => {
    const expected = await logits(await loadLanguageModel(device, demoModelDir));
    const model = await loadLanguageModel(device, demo({ tie_word_embeddings: true }));
    const scaled = await logits(model);
    assert.ok(scaled.every((x, i) => Math.abs(x * Math.sqrt(128) - expected[i]) < 1e-4));
  }));

Deno.test("T5 v1.1 without a head: refused as transformers 4 saved it, tied as transformers 5 did", () =>
  withDevice(async (device) => {
    const names = { "lm_head.weight": null };
    await assert.rejects(loadLanguageModel(device, demo({}, names)), {
      name: "UserError",
      message: /has no tensor "lm_head\.weight", which its config\.json asks for/,
    });
    const keys = { tie_word_embeddings: true, scale_decoder_outputs: false };
    const model = await loadLanguageModel(device, demo(keys, names));
    const whole = await loadLanguageModel(device, demoModelDir);
    assert.equal(model.parameterCount, whole.parameterCount - 704 * 128);
  }));

Deno.test("T5: sizes that the weights do not have are refused before memory is asked for", () =>
  withDevice(async (device) => {
    const { used } = device.memory;
    const sizes = [{ vocab_size: 2 ** 24 }, { d_ff: 2 ** 20 }, { num_heads: 2 ** 20 }];
    for (const keys of sizes) {
      await assert.rejects(loadLanguageModel(device, demo(keys)), {
        name: "UserError",
        message: /config\.json asks for/,
      });
    }
    assert.equal(device.memory.used, used);
  }));
