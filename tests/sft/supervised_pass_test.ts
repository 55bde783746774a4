import assert from "node:assert/strict";
import type { LanguageModel } from "../../lib/models/language_model.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import {
  countLabels,
  evaluateLoss,
  type SupervisedExample,
} from "../../lib/sft/supervised_pass.ts";
import { Context } from "../../lib/tensor/context.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { tokenPass } from "../../lib/training/token_pass.ts";
import { responseRow } from "../../lib/training/token_rows.ts";
import { withDevice } from "../device.ts";
import { MODEL, topicExamples } from "./examples.ts";

/** Log-probability of every label, packed. */
function labelLogprobs(
  cx: Context,
  model: LanguageModel,
  examples: readonly SupervisedExample[],
): Tensor {
  const rows = examples.map((example) => responseRow(model, example.inputIds, example.labels));
  return tokenPass(cx, { model, adapter: null }, rows).logprobs;
}

Deno.test("the loss is the mean over labels, whatever else is in the batch", () =>
  withDevice(async (device) => {
    const model = await loadLanguageModel(device, MODEL);
    const examples = await topicExamples(5);
    const subject = { model, adapter: null };
    const cx = new Context(device);
    const logprobs = await labelLogprobs(cx, model, examples).read();
    cx.release();
    assert.equal(logprobs.length, countLabels(examples));
    const loss = -logprobs.reduce((a, b) => a + b) / logprobs.length;
    assert.ok(Math.abs(await evaluateLoss(subject, examples) - loss) < 1e-6 * loss);
    let sum = 0;
    for (const example of examples) {
      sum += await evaluateLoss(subject, [example]) * example.labels.length;
    }
    assert.ok(Math.abs(sum / countLabels(examples) - loss) < 1e-6 * loss);
    assert.ok(Number.isNaN(await evaluateLoss(subject, [])));
  }));

Deno.test("labels are shifted: the decoder does not see the label that it is to say", () =>
  withDevice(async (device) => {
    const model = await loadLanguageModel(device, MODEL);
    const inputIds = [5, 6, 7, 1];
    const logprobs = async (labels: number[]) => {
      const cx = new Context(device);
      const values = await labelLogprobs(cx, model, [{ inputIds, labels }])
        .read();
      cx.release();
      return values;
    };
    const [a, b] = [await logprobs([5, 6, 7]), await logprobs([5, 6, 8])];
    assert.deepEqual(a.subarray(0, 2), b.subarray(0, 2));
    assert.notEqual(a[2], b[2]);
    // The first label's distribution sums to 1 over the vocabulary.
    const vocab = Array.from({ length: model.vocabSize }, (_, id) => id);
    const cx = new Context(device);
    const all = vocab.map((id) => ({ inputIds, labels: [id] }));
    const first = await labelLogprobs(cx, model, all).read();
    cx.release();
    assert.ok(Math.abs(first.reduce((sum, p) => sum + Math.exp(p), 0) - 1) < 1e-5);
  }));
