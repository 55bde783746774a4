/** TRL's reward training: rewards, loss, gradients and three steps of AdamW of LoRA and the head. */
import assert from "node:assert/strict";
import type { Device } from "../../lib/device/device.ts";
import {
  loadClassifierAdapter,
  saveClassifierAdapter,
} from "../../lib/models/trainable_classifier.ts";
import { isThere, readTextNow } from "../../lib/platform/files.ts";
import { join } from "../../lib/platform/paths.ts";
import { RewardTrainer } from "../../lib/preference/reward_trainer.ts";
import { Context } from "../../lib/tensor/context.ts";
import { deviceTest } from "../device.ts";
import { assertArrayClose, assertMovementClose, assertScalarClose } from "../golden/cases.ts";
import { withTempDir } from "../temp_dir.ts";
import { type GoldenOptimizer, optimizerSettings } from "./adapter_steps.ts";
import { casesOf, familyCase } from "./families.ts";
import { goldenCausalDir } from "./folder.ts";
import { SequenceClassifier } from "../../lib/models/sequence_classifier.ts";

interface RewardCase {
  config: { center_rewards_coefficient: number | null; margin: string | boolean | null };
  optimizer: GoldenOptimizer;
  batches: { chosen: number[]; rejected: number[]; margin: number }[][];
  steps: {
    batch: number;
    loss: number;
    grad_norm: number;
    accuracy: number;
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

async function assertTraining(device: Device, kind: string, name: string): Promise<void> {
  const { json, arrays } = familyCase<RewardCase>(kind, name);
  const [checkpoint, folder] = ["checkpoint", "adapter"].map((part) =>
    join(goldenCausalDir, kind, part)
  );
  const trained = await loadClassifierAdapter(device, checkpoint, { adapter: folder });
  const { model, adapter, parameters } = trained;
  const start = await parameters.readAll();
  const { reference: _, ...optimizer } = optimizerSettings(json.optimizer);
  const trainer = new RewardTrainer(trained, {
    ...optimizer,
    steps: json.steps.length,
    batchSize: json.batches[0].length,
    maxLength: null,
    centerRewardsCoefficient: json.config.center_rewards_coefficient,
    compat: name.endsWith("_trl") ? "trl-0.19" : "none",
  });
  for (const [index, step] of json.steps.entries()) {
    const pairs = json.batches[step.batch].map(({ margin, ...pair }) =>
      json.config.margin === null ? pair : { ...pair, margin }
    );
    const { metrics, pairs: rewards } = await trainer.step(pairs);
    for (const side of ["chosen", "rejected"] as const) {
      const values = rewards.map((pair) => pair[side]);
      assertArrayClose(values, step[`rewards_${side}`], `step ${index}: rewards of the ${side}`);
    }
    for (const metric of ["loss", "grad_norm", "accuracy"] as const) {
      assertScalarClose(metrics[metric], step[metric], `step ${index}: ${metric}`);
    }
    if (index === 0) {
      for (const parameter of parameters.names) {
        const expected = arrays.floats(`step0.grad.${wrapped(parameter)}`);
        const found = await parameters.get(parameter).grad!.read();
        assertArrayClose(found, expected, `gradient of ${parameter}`);
      }
    }
    for (const [parameter, { data }] of await parameters.readAll()) {
      const expected = arrays.floats(`step${index}.param.${wrapped(parameter)}`);
      const from = start.get(parameter)!.data;
      assertMovementClose(data, expected, from, `step ${index}: ${parameter}`);
    }
  }
  trainer.dispose();
  await withTempDir(async (dir) => {
    await saveClassifierAdapter(trained, dir, "base");
    const read = (path: string) => JSON.parse(readTextNow(join(path, "adapter_config.json")));
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
  if (!isThere(join(goldenCausalDir, kind))) continue;
  for (const name of casesOf(kind, "reward_")) {
    deviceTest(`golden ${kind}: ${name}`, (device) => assertTraining(device, kind, name));
  }
}
