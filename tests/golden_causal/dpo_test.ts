/** TRL's DPOTrainer, on decoder-only models and on T5. */
import { isThere } from "../../lib/platform/files.ts";
import type { DPOLossType } from "../../lib/preference/dpo_loss.ts";
import { DPOTrainer } from "../../lib/preference/dpo_trainer.ts";
import type { PairStats } from "../../lib/preference/pair_stats.ts";
import { deviceTest } from "../device.ts";
import { assertArrayClose, assertScalarClose } from "../golden/cases.ts";
import {
  adaptedModel,
  assertGradients,
  assertParameters,
  type GoldenOptimizer,
  optimizerSettings,
} from "./adapter_steps.ts";
import { casesOf, families, familyCase, familyFolder } from "./families.ts";

interface Pair {
  prompt: number[];
  chosen: number[];
  rejected: number[];
}

interface DPOCase {
  config: { loss_type: string; beta: number; label_smoothing: number; rpo_alpha?: number | null };
  extra_column: boolean;
  optimizer: GoldenOptimizer;
  batches: Pair[][];
  steps: { batch: number; loss: number; grad_norm: number; metrics: Record<string, number> }[];
}

/** A batch without steps, truncated from either side. */
interface TruncatedCase
  extends Record<"keep_end" | "keep_start", { loss: number; metrics: Metrics }> {
  max_length: number;
  batch: Pair[];
}

type Metrics = Record<string, number>;

const NO_LIMITS = { maxLength: null, maxPromptLength: null, maxCompletionLength: null };
const all = families.concat(isThere(familyFolder("t5", "adapter")) ? ["t5"] : []);

for (const family of all) {
  for (const name of casesOf(family, "dpo_")) {
    if (name === "dpo_truncated") continue;
    deviceTest(`golden ${family}: ${name}`, async (device) => {
      const { json, arrays } = familyCase<DPOCase>(family, name);
      const { config } = json;
      const policy = await adaptedModel(device, family);
      const { parameters } = policy.adapter;
      const trainer = new DPOTrainer(policy, {
        ...optimizerSettings(json.optimizer),
        ...NO_LIMITS,
        steps: json.steps.length,
        batchSize: json.batches[0].length,
        lossType: config.loss_type as DPOLossType,
        beta: config.beta,
        labelSmoothing: config.label_smoothing,
        rpoAlpha: config.rpo_alpha ?? null,
        compat: family === "t5" && !json.extra_column ? "trl-0.19" : "none",
      });
      const start = await parameters.readAll();
      for (const [k, { batch, loss, grad_norm, metrics }] of json.steps.entries()) {
        const stats = await trainer.step(json.batches[batch]);
        if (k === 0) await assertGradients(parameters, arrays, "step0");
        await assertParameters(parameters, arrays, start, `step${k}`, "step0");
        assertScalarClose(stats.metrics.loss, loss, `step ${k}: loss`);
        assertScalarClose(stats.metrics.grad_norm, grad_norm, `step ${k}: grad_norm`);
        // Without the extra column TRL leaves tokens out of the loss, but not out of the mean of the logits.
        const { "logits/chosen": _, "logits/rejected": __, ...others } = metrics;
        assertMetrics(
          stats.metrics,
          json.extra_column || family !== "t5" ? metrics : others,
          `step ${k}`,
        );
        const column = (of: (pair: PairStats) => number) => stats.pairs.map(of);
        for (
          const [golden, values] of Object.entries({
            chosen_logps: column(({ chosenLogps }) => chosenLogps),
            rejected_logps: column(({ rejectedLogps }) => rejectedLogps),
            chosen_rewards: column(({ chosenReward }) => chosenReward),
            rejected_rewards: column(({ rejectedReward }) => rejectedReward),
          })
        ) assertArrayClose(values, arrays.floats(`step${k}.${golden}`), `step ${k}: ${golden}`);
      }
      trainer.dispose();
    });
  }

  if (!casesOf(family, "dpo_").includes("dpo_truncated")) continue;
  for (const truncationMode of ["keep_end", "keep_start"] as const) {
    deviceTest(`golden ${family}: dpo_truncated, ${truncationMode}`, async (device) => {
      const { json } = familyCase<TruncatedCase>(family, "dpo_truncated");
      const trainer = new DPOTrainer(await adaptedModel(device, family), {
        ...NO_LIMITS,
        steps: 1,
        reference: "base",
        maxLength: json.max_length,
        truncationMode,
      });
      const { metrics } = await trainer.step(json.batch);
      assertScalarClose(metrics.loss, json[truncationMode].loss, "loss");
      assertMetrics(metrics, json[truncationMode].metrics, truncationMode);
      trainer.dispose();
    });
  }
}

/** Compares TRL's metrics. */
function assertMetrics(actual: Metrics, expected: Metrics, what: string): void {
  for (const [metric, value] of Object.entries(expected)) {
    assertScalarClose(actual[metric], value, `${what}: ${metric}`);
  }
}
