import assert from "node:assert/strict";
import { createPolicy, loadAdapter } from "../../lib/models/policy.ts";
import { T5ForConditionalGeneration } from "../../lib/models/t5/t5.ts";
import { join } from "../../lib/platform/paths.ts";
import { Context } from "../../lib/tensor/context.ts";
import { Packed } from "../../lib/tensor/packed.ts";
import { deviceTest } from "../device.ts";
import { packedRows, rows } from "./batches.ts";
import { assertArrayClose, goldenDir, loadCase, modelDir } from "./cases.ts";

interface Forward {
  trainable_parameters: number;
  all_parameters: number;
}

deviceTest(
  "golden forward: hidden states and logits, without and with the adapter",
  async (device) => {
    const { arrays } = loadCase<Forward>("forward");
    const model = await T5ForConditionalGeneration.load(device, modelDir);
    const inputIds = rows(arrays, "input_ids", "attention_mask");
    const decoderIds = rows(arrays, "decoder_input_ids");
    const adapter = await loadAdapter(model, join(goldenDir, "adapter"));
    for (const [prefix, lora] of [["", null], ["adapter_", adapter]] as const) {
      const cx = new Context(device);
      const inputs = Packed.create(cx, inputIds);
      const decoderInputs = Packed.create(cx, decoderIds);
      const encoded = model.encode(cx, inputs, lora);
      const memory = model.prefill(cx, inputIds, lora, "pass");
      const hidden = model.forward(cx, decoderInputs, memory, lora);
      const logits = model.logits(cx, hidden);
      const expectedHidden = packedRows(
        arrays,
        `${prefix}encoder_hidden`,
        inputs.sequenceLengths,
      );
      assertArrayClose(await encoded.read(), expectedHidden, `${prefix}encoder_hidden`);
      assertArrayClose(await logits.read(), arrays.floats(`${prefix}logits`), `${prefix}logits`);
      cx.release();
    }
  },
);

deviceTest("golden forward: parameter counts", async (device) => {
  const { json } = loadCase<Forward>("forward");
  const model = await T5ForConditionalGeneration.load(device, modelDir);
  const { config } = await loadAdapter(model, join(goldenDir, "adapter"));
  const { parameters } = createPolicy(model, config, 0);
  const valueHead = model.hiddenSize + 1;
  assert.equal(parameters.count - valueHead, json.trainable_parameters);
  assert.equal(model.parameterCount + parameters.count - valueHead, json.all_parameters);
});
