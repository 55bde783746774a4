/** Cases of TRL's `PPOTrainer.step`, for encoder-decoders and for decoder-only models. */
import assert from "node:assert/strict";
import type { Policy } from "../../lib/models/policy.ts";
import { type PPOConfigInput, ppoConfigSchema } from "../../lib/rl/ppo_config.ts";
import { PPOTrainer } from "../../lib/rl/ppo_trainer.ts";
import type { PPOStats } from "../../lib/rl/statistics.ts";
import {
  assertArrayClose,
  assertMovementClose,
  assertScalarClose,
  type GoldenArrays,
  type GoldenCase,
} from "./cases.ts";

/** JSON of a case. */
export interface PPOCase {
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

/** Range of the counted positions of a row of padded arrays. */
type CountedRange = (query: readonly number[], response: readonly number[]) => [number, number];

/**
 * Takes the case's steps, and compares what they report and where they move the parameters.
 *
 * @param counted counted positions of a row, from the first up to an end
 */
export async function assertPPOCase(
  policy: Policy,
  { json, arrays }: GoldenCase<PPOCase>,
  counted: CountedRange,
): Promise<void> {
  const { parameters } = policy;
  for (const part of ["weight", "bias"]) {
    const values = arrays.floats(`v_head.before.summary.${part}`);
    parameters.write(`v_head.summary.${part}`, values);
  }
  const trainer = new PPOTrainer(policy, settings(json));
  const start = await parameters.readAll();
  for (const [k, { queries, responses, scores, stats, kl_coef_after }] of json.steps.entries()) {
    const actual = await trainer.step(queries, responses, scores);
    assertScalars(actual, stats, `step ${k}`);
    const ranges = queries.map((query, b) => counted(query, responses[b]));
    assertPositions(actual, arrays, ranges, k);
    assertScalarClose(trainer.state().klCoef, kl_coef_after, `step ${k}: KL coefficient`);
    for (const [parameter, { data }] of await parameters.readAll()) {
      const golden = `step${k}.param.${trlName(parameter)}`;
      const before = start.get(parameter)!.data;
      assertMovementClose(data, arrays.floats(golden), before, golden);
    }
  }
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
  ranges: readonly (readonly [number, number])[],
  step: number,
): void {
  for (const name of ["objective/logprobs", "objective/ref_logprobs"] as const) {
    const golden = `step${step}.${name}`;
    const padded = arrays.floats(golden);
    const [, width] = arrays.shape(golden);
    const counted = ranges.flatMap(([first, end], b) => [
      ...padded.subarray(b * width + first, b * width + end),
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
