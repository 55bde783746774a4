import type { Device } from "../../lib/device/device.ts";
import { SafetensorsFile } from "../../lib/formats/safetensors.ts";
import { FolderFiles } from "../../lib/formats/model_files.ts";
import { loadPolicy } from "../../lib/models/policy.ts";
import { T5ForConditionalGeneration } from "../../lib/models/t5/t5.ts";
import { parseT5Config } from "../../lib/models/t5/config.ts";
import { TrainableStore } from "../../lib/models/weight_store.ts";
import type { LoraAdapter } from "../../lib/nn/lora.ts";
import { Parameters } from "../../lib/nn/parameters.ts";
import { join } from "../../lib/platform/paths.ts";
import { Context } from "../../lib/tensor/context.ts";
import { Packed } from "../../lib/tensor/packed.ts";
import { deviceTest } from "../device.ts";
import { rows } from "./batches.ts";
import {
  assertArrayClose,
  assertScalarClose,
  type GoldenArrays,
  goldenDir,
  loadCase,
  modelDir,
} from "./cases.ts";

/** Runs the supervised loss, mean over labels that are not -100, and its backward pass. */
async function supervisedLoss(
  device: Device,
  model: T5ForConditionalGeneration,
  adapter: LoraAdapter | null,
  arrays: GoldenArrays,
): Promise<number> {
  const labels = rows(arrays, "labels");
  // The decoder reads the labels shifted right, the start token first and padding for -100.
  const { decoderStartTokenId, padTokenId } = model.config;
  const decoderIds = labels.map((row) => [
    decoderStartTokenId,
    ...row.slice(0, -1).map((id) => id === -100 ? padTokenId : id),
  ]);
  const counted = labels.flat().map((id) => id !== -100);
  const count = counted.filter(Boolean).length;
  const cx = new Context(device, { grad: true });
  const prompts = rows(arrays, "input_ids", "attention_mask");
  const decoderInputs = Packed.create(cx, decoderIds);
  const memory = model.prefill(cx, prompts, adapter, "pass");
  const hidden = model.forward(cx, decoderInputs, memory, adapter);
  const targets = cx.from(Int32Array.from(labels.flat(), (id) => Math.max(id, 0)));
  const { logprobs } = model.logprobs(cx, hidden, targets);
  const values = await logprobs.read();
  const gradient = cx.from(Float32Array.from(counted, (c) => c ? -1 / count : 0));
  cx.backward([{ output: logprobs, gradient }]);
  cx.release();
  return -counted.reduce((sum, c, i) => c ? sum + values[i] : sum, 0) / count;
}

async function assertGradients(
  parameters: Parameters,
  arrays: GoldenArrays,
  nameOf: (golden: string) => string,
): Promise<void> {
  for (const golden of arrays.names().filter((name) => name.startsWith("grad."))) {
    const gradient = parameters.get(nameOf(golden.slice("grad.".length))).grad!;
    assertArrayClose(await gradient.read(), arrays.floats(golden), golden);
  }
}

deviceTest("golden sft_grad: loss and gradients of every LoRA parameter", async (device) => {
  const { json, arrays } = loadCase<{ loss: number }>("sft_grad");
  const model = await T5ForConditionalGeneration.load(device, modelDir);
  const policy = await loadPolicy(model, join(goldenDir, "adapter"), 0);
  assertScalarClose(
    await supervisedLoss(device, model, policy.adapter, arrays),
    json.loss,
    "loss",
  );
  await assertGradients(
    policy.parameters,
    arrays,
    (name) => name.replace("base_model.model.", "").replace(".default.", "."),
  );
});

deviceTest("golden full_grad: loss and gradients of every weight", async (device) => {
  const { json, arrays } = loadCase<{ loss: number }>("full_grad");
  const config = parseT5Config(
    await new FolderFiles(modelDir).requiredJson("config.json", "model"),
    modelDir,
  );
  using file = SafetensorsFile.open(join(modelDir, "model.safetensors"));
  const tensors = [...file.tensors.values()];
  const parameters = Parameters.create(device, tensors, { trainable: true });
  for (const { name } of tensors) parameters.write(name, file.readFloats(name));
  const model = new T5ForConditionalGeneration(device, config, new TrainableStore(parameters));
  assertScalarClose(await supervisedLoss(device, model, null, arrays), json.loss, "loss");
  await assertGradients(parameters, arrays, (name) => name);
});
