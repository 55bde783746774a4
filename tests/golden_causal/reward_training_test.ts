/** TRL's reward training: rewards, loss, gradients and three steps of AdamW of LoRA and the head. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Device } from "../../lib/device/device.ts";
import {
  loadClassifierAdapter,
  saveClassifierAdapter,
} from "../../lib/models/trainable_classifier.ts";
import { Adam } from "../../lib/nn/optimizer.ts";
import { rewardLoss } from "../../lib/preference/reward_loss.ts";
import { Context } from "../../lib/tensor/context.ts";
import { deviceTest } from "../device.ts";
import { assertArrayClose, assertMovementClose, assertScalarClose } from "../golden/cases.ts";
import { withTempDir } from "../temp_dir.ts";
import { casesOf, familyCase } from "./families.ts";
import { goldenCausalDir } from "./folder.ts";
import { SequenceClassifier } from "../../lib/models/sequence_classifier.ts";

interface RewardCase {
  config: { center_rewards_coefficient: number | null; margin: string | boolean | null };
  optimizer: { lr: number };
  batches: { chosen: number[]; rejected: number[]; margin: number }[][];
  steps: {
    batch: number;
    loss: number;
    grad_norm: number;
    rewards_chosen: number[];
    rewards_rejected: number[];
  }[];
}

/** PEFT's name of a parameter in a model that is being trained. */
function wrapped(name: string): string {
  const own = /\.lora_[AB]\.weight$/.test(name)
    ? name.replace(/\.weight$/, ".default.weight")
    : name.replace(/^(\w+)\./, "$1.modules_to_save.default.");
  return `base_model.model.${own}`;
}

/** Loss of a batch, and its gradient by each reward. */
function lossOf(
  chosen: readonly number[],
  rejected: readonly number[],
  margins: readonly number[][],
  coefficient: number,
) {
  const terms = chosen.flatMap((reward, i) =>
    margins[i].map((margin) => ({
      i,
      share: 1 / (chosen.length * margins[i].length),
      ...rewardLoss(reward, rejected[i], margin, coefficient),
    }))
  );
  const gradient = (i: number, side: "chosen" | "rejected") =>
    terms.filter((term) => term.i === i).reduce((sum, term) => sum + term.share * term[side], 0);
  return {
    loss: terms.reduce((sum, { share, loss }) => sum + share * loss, 0),
    gradient: chosen.flatMap((_, i) => [gradient(i, "chosen"), gradient(i, "rejected")]),
  };
}

async function assertTraining(device: Device, kind: string, name: string): Promise<void> {
  const { json, arrays } = familyCase<RewardCase>(kind, name);
  const [checkpoint, folder] = ["checkpoint", "adapter"].map((part) =>
    join(goldenCausalDir, kind, part)
  );
  const trained = await loadClassifierAdapter(device, checkpoint, { adapter: folder });
  const { model, adapter, parameters } = trained;
  const start = await parameters.readAll();
  const optimizer = new Adam(parameters, { decoupled: true });
  for (const [index, step] of json.steps.entries()) {
    const pairs = json.batches[step.batch];
    const cx = new Context(device, { grad: true });
    // Side by side, a pair's gradients of a bias cancel exactly.
    const texts = pairs.flatMap(({ chosen, rejected }) => [chosen, rejected]);
    const rewards = model.logits(cx, texts, adapter);
    const values = await rewards.read();
    const chosen = pairs.map((_, i) => values[2 * i]);
    const rejected = pairs.map((_, i) => values[2 * i + 1]);
    assertArrayClose(chosen, step.rewards_chosen, `step ${index}: rewards of the chosen`);
    assertArrayClose(rejected, step.rewards_rejected, `step ${index}: rewards of the rejected`);
    const own = pairs.map(({ margin }) => json.config.margin === null ? 0 : margin);
    // TRL 0.19.1 pairs every pair with every margin in the case named after it.
    const margins = pairs.map((_, i) => name.endsWith("_trl") ? own : [own[i]]);
    const coefficient = json.config.center_rewards_coefficient ?? 0;
    const { loss, gradient } = lossOf(chosen, rejected, margins, coefficient);
    assertScalarClose(loss, step.loss, `step ${index}: loss`);
    parameters.zeroGrad();
    const seed = cx.from(Float32Array.from(gradient), [texts.length, 1]);
    cx.backward([{ output: rewards, gradient: seed }]);
    cx.release();
    if (index === 0) {
      for (const parameter of parameters.names) {
        const expected = arrays.floats(`step0.grad.${wrapped(parameter)}`);
        const found = await parameters.get(parameter).grad!.read();
        assertArrayClose(found, expected, `gradient of ${parameter}`);
      }
    }
    optimizer.step(json.optimizer.lr);
    const [norm] = await optimizer.gradNorm.read();
    assertScalarClose(norm, step.grad_norm, `step ${index}: norm of the gradient`);
    for (const [parameter, { data }] of await parameters.readAll()) {
      const expected = arrays.floats(`step${index}.param.${wrapped(parameter)}`);
      const from = start.get(parameter)!.data;
      assertMovementClose(data, expected, from, `step ${index}: ${parameter}`);
    }
  }
  await withTempDir(async (dir) => {
    await saveClassifierAdapter(trained, dir, "base");
    const read = (path: string) =>
      JSON.parse(Deno.readTextFileSync(join(path, "adapter_config.json")));
    for (const key of ["task_type", "modules_to_save", "target_modules", "r", "lora_alpha"]) {
      assert.deepEqual(read(dir)[key], read(folder)[key], key);
    }
    const again = await loadClassifierAdapter(device, checkpoint, { adapter: dir });
    assert.deepEqual(await again.parameters.readAll(), await parameters.readAll());
    const cx = new Context(device);
    const texts = json.batches[0].map(({ chosen }) => chosen);
    const expected = await model.logits(cx, texts, adapter).read();
    cx.release();
    const folded = await SequenceClassifier.load(device, checkpoint, { adapter: dir });
    assertArrayClose(
      (await folded.tokenLogits(texts)).flat(),
      expected,
      "rewards with it folded in",
    );
  });
}

for (const kind of ["reward-llama", "reward-roberta"]) {
  if (!existsSync(join(goldenCausalDir, kind))) continue;
  for (const name of casesOf(kind, "reward_")) {
    deviceTest(`golden ${kind}: ${name}`, (device) => assertTraining(device, kind, name));
  }
}
