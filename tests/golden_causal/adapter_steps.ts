/** Comparison of an adapter that is trained with the golden cases of its steps. */
import assert from "node:assert/strict";
import type { LanguageModel } from "../../lib/models/language_model.ts";
import { loadAdapter } from "../../lib/models/policy.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import type { Device } from "../../lib/device/device.ts";
import type { Parameters, ParameterValues } from "../../lib/nn/parameters.ts";
import type { AdaptedModel } from "../../lib/training/adapter_trainer.ts";
import {
  assertArrayClose,
  assertMovementClose,
  type GoldenArrays,
  modelDir,
} from "../golden/cases.ts";
import { familyFolder } from "./families.ts";

/** Optimizer of a case. */
export interface GoldenOptimizer {
  lr: number;
  betas: [number, number];
  eps: number;
  weight_decay: number;
}

/** A family's model with its adapter to train; T5 is the demo's, or the one of the PPO cases. */
export async function adaptedModel(device: Device, family: string): Promise<AdaptedModel> {
  const folder = family === "t5" ? modelDir : familyFolder(family, "checkpoint");
  const model: LanguageModel = await loadLanguageModel(device, folder);
  const adapter = await loadAdapter(model, familyFolder(family, "adapter"), { trainable: true });
  return { model, adapter };
}

/** Settings of the optimizer that the cases were recorded with. */
export function optimizerSettings({ lr, betas, eps, weight_decay }: GoldenOptimizer) {
  return {
    learningRate: lr,
    lrScheduler: "constant",
    adamBeta1: betas[0],
    adamBeta2: betas[1],
    adamEpsilon: eps,
    weightDecay: weight_decay,
    maxGradNorm: null,
    reference: "base",
  } as const;
}

/**
 * Checks that the parameters have moved from `start` as the case's have after a step. AdamW's first
 * step goes by a gradient's sign alone, however small it is: an element whose gradient is a ten
 * thousandth of the others, far below the tolerance of gradients, may go either way and is left out.
 */
export async function assertParameters(
  parameters: Parameters,
  arrays: GoldenArrays,
  start: ReadonlyMap<string, ParameterValues>,
  step: string,
  firstGradients: string,
): Promise<void> {
  let [elements, leftOut] = [0, 0];
  for (const [name, { data }] of await parameters.readAll()) {
    const gradient = arrays.floats(`${firstGradients}.grad.${goldenName(name)}`);
    const size = Math.sqrt(gradient.reduce((sum, x) => sum + x * x, 0) / gradient.length);
    const isDetermined = (_: number, i: number) => Math.abs(gradient[i]) > 1e-4 * size;
    const golden = `${step}.param.${goldenName(name)}`;
    const determined = [data, arrays.floats(golden), start.get(name)!.data]
      .map((values) => values.filter(isDetermined));
    assertMovementClose(determined[0], determined[1], determined[2], golden);
    elements += data.length;
    leftOut += data.length - determined[0].length;
  }
  assert.ok(leftOut <= elements / 500, `${leftOut} of ${elements} elements left out`);
}

/** Checks the gradients that the latest step left. */
export async function assertGradients(
  parameters: Parameters,
  arrays: GoldenArrays,
  step: string,
): Promise<void> {
  for (const name of parameters.names) {
    const golden = `${step}.grad.${goldenName(name)}`;
    assertArrayClose(await parameters.get(name).grad!.read(), arrays.floats(golden), golden);
  }
}

/** PEFT's name of a parameter in memory: that in a file, with the adapter's name. */
function goldenName(name: string): string {
  return `base_model.model.${name.replace(/(\.lora_[AB])\.weight$/, "$1.default.weight")}`;
}
