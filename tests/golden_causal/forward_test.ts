/** Hidden states, logits and parameter counts of each family, as transformers and PEFT have them. */
import assert from "node:assert/strict";
import type { Device } from "../../lib/device/device.ts";
import { DecoderForCausalLM } from "../../lib/models/decoder/decoder.ts";
import { createPolicy, loadAdapter } from "../../lib/models/policy.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import type { LoraAdapter } from "../../lib/nn/lora.ts";
import { Context } from "../../lib/tensor/context.ts";
import { Packed } from "../../lib/tensor/packed.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { deviceTest } from "../device.ts";
import { assertArrayClose, type GoldenArrays } from "../golden/cases.ts";
import { families, familyCase, familyFolder, foldersOf } from "./families.ts";

interface Forward {
  prompts: number[][];
  base_parameters: number;
  trainable_parameters: number;
  all_parameters: number;
  adapter_all_trainable_parameters?: number;
}

async function load(device: Device, folder: string): Promise<DecoderForCausalLM> {
  const model = await loadLanguageModel(device, folder);
  assert.ok(model instanceof DecoderForCausalLM);
  return model;
}

/** Prefix of an adapter's arrays; of a PEFT version's own files those of the adapter. */
function arrayPrefix(adapter: string): string {
  return adapter === "adapter-all" ? "adapter_all." : "adapter.";
}

/** Compares the logits of all prompts: read as a whole, and continued in the middle. */
async function assertLogits(
  model: DecoderForCausalLM,
  adapter: LoraAdapter | null,
  prompts: readonly number[][],
  arrays: GoldenArrays,
  prefix: string,
): Promise<void> {
  for (const split of [() => 0, (length: number) => Math.floor(length / 2)]) {
    const cx = new Context(model.device);
    const starts = prompts.map(({ length }) => split(length));
    const heads = prompts.map((prompt, i) => prompt.slice(0, starts[i] + 1));
    const memory = model.prefill(cx, heads, adapter);
    const inputs = Packed.create(cx, prompts.map((prompt, i) => prompt.slice(starts[i])));
    const hidden = model.forward(cx, inputs, memory, adapter);
    const logits = await model.logits(cx, hidden).read();
    let row = 0;
    for (const [i, prompt] of prompts.entries()) {
      const name = `${prefix}logits.${i}`;
      const [length, vocabulary] = arrays.shape(name);
      assert.deepEqual([length, vocabulary], [prompt.length, model.vocabSize], name);
      const rows = length - starts[i];
      const actual = logits.subarray(row * vocabulary, (row + rows) * vocabulary);
      const expected = arrays.floats(name).subarray(starts[i] * vocabulary);
      assertArrayClose(actual, expected, `${name} from ${starts[i]} on`);
      row += rows;
    }
    cx.release();
  }
}

/** Compares the output of every layer. */
async function assertHidden(
  model: DecoderForCausalLM,
  adapter: LoraAdapter | null,
  prompts: readonly number[][],
  arrays: GoldenArrays,
  prefix: string,
): Promise<void> {
  const names = new Set(arrays.names());
  for (const [i, prompt] of prompts.entries()) {
    if (!names.has(`${prefix}hidden.${i}.0`)) continue;
    // With a tape, all layers' outputs stay.
    const cx = new Context(model.device, { grad: true });
    const seen: Tensor[] = [];
    const last = model.encode(cx, Packed.create(cx, [prompt]), adapter, (h) => seen.push(h));
    seen[seen.length - 1] = last; // transformers gives the last layer's output after the final norm
    for (const [layer, hidden] of seen.entries()) {
      const name = `${prefix}hidden.${i}.${layer}`;
      assertArrayClose(await hidden.read(), arrays.floats(name), name);
    }
    assert.ok(!names.has(`${prefix}hidden.${i}.${seen.length}`), "number of layers");
    cx.release();
  }
}

for (const family of families) {
  const { json, arrays } = familyCase<Forward>(family, "forward");
  for (const checkpoint of foldersOf(family, "checkpoint")) {
    const folder = familyFolder(family, checkpoint);

    deviceTest(`golden ${family}/${checkpoint}: logits`, async (device) => {
      await assertLogits(await load(device, folder), null, json.prompts, arrays, "");
    });

    deviceTest(`golden ${family}/${checkpoint}: hidden states`, async (device) => {
      await assertHidden(await load(device, folder), null, json.prompts, arrays, "");
    });

    for (const name of foldersOf(family, "adapter")) {
      deviceTest(`golden ${family}/${checkpoint}: logits with ${name}`, async (device) => {
        const model = await load(device, folder);
        const adapter = await loadAdapter(model, familyFolder(family, name));
        const prefix = arrayPrefix(name);
        await assertLogits(model, adapter, json.prompts, arrays, prefix);
        await assertHidden(model, adapter, json.prompts, arrays, prefix);
      });
    }
  }

  deviceTest(`golden ${family}: parameter counts`, async (device) => {
    const model = await load(device, familyFolder(family, "checkpoint"));
    assert.equal(model.parameterCount, json.base_parameters);
    const counted = async (name: string) => {
      const { config } = await loadAdapter(model, familyFolder(family, name));
      return createPolicy(model, config, 0).parameters.count - (model.hiddenSize + 1);
    };
    const trainable = await counted("adapter");
    assert.equal(trainable, json.trainable_parameters);
    assert.equal(model.parameterCount + trainable, json.all_parameters);
    if (json.adapter_all_trainable_parameters !== undefined) {
      assert.equal(await counted("adapter-all"), json.adapter_all_trainable_parameters);
    }
  });
}
