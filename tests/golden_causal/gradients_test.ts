/** The supervised loss and its gradients, of adapters and of every weight. */
import type { Device } from "../../lib/device/device.ts";
import type { LanguageModel } from "../../lib/models/language_model.ts";
import { loadAdapter } from "../../lib/models/policy.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import { loadTrainableModel } from "../../lib/models/trainable.ts";
import type { LoraAdapter } from "../../lib/nn/lora.ts";
import type { Parameters } from "../../lib/nn/parameters.ts";
import { Context } from "../../lib/tensor/context.ts";
import { Packed } from "../../lib/tensor/packed.ts";
import { deviceTest } from "../device.ts";
import { rows } from "../golden/batches.ts";
import { assertArrayClose, assertScalarClose, type GoldenArrays } from "../golden/cases.ts";
import { casesOf, families, familyCase, familyFolder, foldersOf } from "./families.ts";

/** Places where a row's prompt ends: its first token, or the one before the first label. */
type Split = "first token" | "first label";

/**
 * Runs the supervised loss, mean over labels that are not -100, and its backward pass; with longer
 * prompts also with layers that are computed again.
 */
async function supervisedLoss(
  device: Device,
  model: LanguageModel,
  adapter: LoraAdapter | null,
  arrays: GoldenArrays,
  split: Split,
): Promise<number> {
  const ids = rows(arrays, "input_ids", "attention_mask");
  const labels = rows(arrays, "labels", "attention_mask");
  const starts = labels.map((row) =>
    split === "first token" ? 0 : row.findIndex((label) => label !== -100) - 1
  );
  // The label of position t is the token that position t - 1 predicts.
  const targets = labels.flatMap((row, b) => row.slice(starts[b] + 1));
  const counted = targets.map((label) => label !== -100);
  const count = counted.filter(Boolean).length;
  const activationMemory = split === "first label" ? 0 : undefined;
  const cx = new Context(device, { grad: true, activationMemory });
  const memory = model.prefill(
    cx,
    ids.map((row, b) => row.slice(0, starts[b] + 1)),
    adapter,
    "pass",
  );
  const inputs = Packed.create(cx, ids.map((row, b) => row.slice(starts[b], -1)));
  const hidden = model.forward(cx, inputs, memory, adapter);
  const { logprobs } = model.logprobs(
    cx,
    hidden,
    cx.from(Int32Array.from(targets, (label) => Math.max(label, 0))),
  );
  const values = await logprobs.read();
  const gradient = cx.from(Float32Array.from(counted, (c) => c ? -1 / count : 0));
  cx.backward([{ output: logprobs, gradient }]);
  cx.release();
  return -counted.reduce((sum, c, i) => c ? sum + values[i] : sum, 0) / count;
}

async function assertGradients(
  parameters: Parameters,
  arrays: GoldenArrays,
  gradNorm: number,
  nameOf: (golden: string) => string,
): Promise<void> {
  let squares = 0;
  for (const golden of arrays.names().filter((name) => name.startsWith("grad."))) {
    const gradient = await parameters.get(nameOf(golden.slice("grad.".length))).grad!.read();
    assertArrayClose(gradient, arrays.floats(golden), golden);
    squares += gradient.reduce((sum, value) => sum + value * value, 0);
  }
  assertScalarClose(Math.sqrt(squares), gradNorm, "norm of the gradient");
}

interface Supervised {
  loss: number;
  grad_norm: number;
}

/** Where the prompt ends makes no difference but in rounding. */
const SPLITS: readonly Split[] = ["first token", "first label"];

for (const family of families) {
  for (const name of casesOf(family, "sft_grad")) {
    const adapterName = name === "sft_grad_all" ? "adapter-all" : "adapter";
    for (const checkpoint of foldersOf(family, "checkpoint")) {
      deviceTest(`golden ${family}/${checkpoint} ${name}: gradients of LoRA`, async (device) => {
        const { json, arrays } = familyCase<Supervised>(family, name);
        const model = await loadLanguageModel(device, familyFolder(family, checkpoint));
        const folder = familyFolder(family, adapterName);
        const adapter = await loadAdapter(model, folder, { trainable: true });
        for (const split of SPLITS) {
          adapter.parameters.zeroGrad();
          const loss = await supervisedLoss(device, model, adapter, arrays, split);
          assertScalarClose(loss, json.loss, `loss, prompts up to the ${split}`);
          await assertGradients(
            adapter.parameters,
            arrays,
            json.grad_norm,
            (golden) => golden.replace("base_model.model.", "").replace(".default.", "."),
          );
        }
      });
    }
  }

  for (const name of casesOf(family, "full_grad")) {
    deviceTest(`golden ${family} ${name}: gradients of every weight`, async (device) => {
      const { json, arrays } = familyCase<Supervised>(family, name);
      const { model, parameters } = await loadTrainableModel(
        device,
        familyFolder(family, "checkpoint"),
      );
      for (const split of SPLITS) {
        parameters.zeroGrad();
        const loss = await supervisedLoss(device, model, null, arrays, split);
        assertScalarClose(loss, json.loss, `loss, prompts up to the ${split}`);
        await assertGradients(parameters, arrays, json.grad_norm, (golden) => golden);
      }
    });
  }
}
