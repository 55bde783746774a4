/** TRL's `PPOTrainer.step`, three times in a row, for each setting that was recorded. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { loadPolicy } from "../../lib/models/policy.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import { type PPOConfigInput, ppoConfigSchema } from "../../lib/rl/ppo_config.ts";
import { PPOTrainer } from "../../lib/rl/ppo_trainer.ts";
import type { PPOStats } from "../../lib/rl/statistics.ts";
import { deviceTest } from "../device.ts";
import {
  assertArrayClose,
  assertMovementClose,
  assertScalarClose,
  type GoldenArrays,
  goldenDir,
  loadCase,
  modelDir,
} from "./cases.ts";

interface PPOCase {
  /** TRL's PPOConfig, with its names. */
  config: Record<string, number | boolean | null>;
  optimizer: { betas: [number, number]; eps: number; weight_decay: number };
  steps: {
    queries: number[][];
    responses: number[][];
    scores: number[];
    stats: Record<string, number>;
    kl_coef_after: number;
  }[];
}

/** Those of TRL's settings that we have, under our names, and what the cases were recorded with. */
function settings({ config, optimizer }: PPOCase): PPOConfigInput {
  const camelCase = (name: string) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
  const known = Object.entries(config)
    .map(([name, value]) => [camelCase(name), value] as const)
    .filter(([name]) => name in ppoConfigSchema.shape);
  return {
    ...Object.fromEntries(known),
    adamBeta1: optimizer.betas[0],
    adamBeta2: optimizer.betas[1],
    adamEpsilon: optimizer.eps,
    weightDecay: optimizer.weight_decay,
    compat: "trl-0.4",
    reference: "base",
    shuffleMinibatches: false,
  };
}

for (
  const entry of Array.from(Deno.readDirSync(goldenDir)).sort((a, b) => a.name < b.name ? -1 : 1)
) {
  const name = entry.name.match(/^(ppo_.*)\.json$/)?.[1];
  if (!name) continue;
  deviceTest(`golden ${name}`, async (device) => {
    const { json, arrays } = loadCase<PPOCase>(name);
    const model = await loadLanguageModel(device, modelDir);
    const policy = await loadPolicy(model, join(goldenDir, "adapter"), 0);
    const { parameters } = policy;
    for (const part of ["weight", "bias"]) {
      parameters.write(`v_head.summary.${part}`, arrays.floats(`v_head.before.summary.${part}`));
    }
    const trainer = new PPOTrainer(policy, settings(json));
    const start = await parameters.readAll();
    for (
      const [k, { queries, responses, scores, stats, kl_coef_after }] of json.steps.entries()
    ) {
      const actual = await trainer.step(queries, responses, scores);
      assertScalars(actual, stats, `step ${k}`);
      assertPositions(actual, arrays, responses, k);
      assertScalarClose(trainer.state().klCoef, kl_coef_after, `step ${k}: KL coefficient`);
      for (const [parameter, { data }] of await parameters.readAll()) {
        const golden = `step${k}.param.${trlName(parameter)}`;
        const before = start.get(parameter)!.data;
        assertMovementClose(data, arrays.floats(golden), before, golden);
      }
    }
  });
}

function assertScalars(actual: PPOStats, expected: Record<string, number>, step: string): void {
  for (const [name, value] of Object.entries(expected)) {
    if (name.includes("time/")) continue;
    const got = actual[name as keyof PPOStats];
    assert.equal(typeof got, "number", `${step}: ${name} is missing`);
    assertScalarClose(got as number, value, `${step}: ${name}`);
  }
}

/** Arrays over rollouts, and over the counted positions of each: the golden ones are padded. */
function assertPositions(
  actual: PPOStats,
  arrays: GoldenArrays,
  responses: number[][],
  step: number,
): void {
  for (const name of ["objective/logprobs", "objective/ref_logprobs"] as const) {
    const golden = `step${step}.${name}`;
    const padded = arrays.floats(golden);
    const [, width] = arrays.shape(golden);
    const counted = responses.flatMap(({ length }, b) => [
      ...padded.subarray(b * width + 1, b * width + length - 1),
    ]);
    assertArrayClose(actual[name].flatMap((rollout) => [...rollout]), counted, golden);
  }
  for (
    const name of ["objective/kl_dist", "tokens/queries_dist", "tokens/responses_dist"] as const
  ) {
    assertArrayClose(actual[name], arrays.floats(`step${step}.${name}`), `step ${step}: ${name}`);
  }
}

/** The name of a parameter in TRL's wrapper around PEFT's. */
function trlName(parameter: string): string {
  if (parameter.startsWith("v_head.")) return parameter;
  return `pretrained_model.base_model.model.${parameter.replace(/\.weight$/, ".default.weight")}`;
}
