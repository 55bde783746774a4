import { generate } from "../../lib/generation/generate.ts";
import type { Policy } from "../../lib/models/policy.ts";
import { Random } from "../../lib/random.ts";
import { openRunDevice } from "../../lib/runs/loading/device.ts";
import { type DecodingTime, timeDecoding } from "../decoding.ts";
import { randomPolicy } from "../ppo.ts";
import type { StageTask } from "./stage_task.ts";
import type { Mission } from "./stages.ts";

/** Speed of decoding rollouts: with an adapter, a value head and log-probabilities. */
export interface DecodingRow extends DecodingTime {
  readonly shape: Mission["shape"];
  readonly dtype: "f32" | "bf16";
  /** Prompts decoded at once. */
  readonly rows: number;
  /** Tokens of each prompt. */
  readonly prompt: number;
  /** Tokens of each response. */
  readonly tokens: number;
  /** Tokens per second of all steps but the first. */
  readonly tokensPerSecond: number;
  /** Tokens per second with the reading of the prompts. */
  readonly overall: number;
}

/** Tokens of a first, quick measurement. */
const SHORT = 9;
const REPEATS = 2;

/** Measures the mission's batch and one prompt, in both dtypes. */
export async function decoding({ mission, hasTime, report }: StageTask<DecodingRow[]>) {
  const rows: DecodingRow[] = [];
  for (const dtype of ["bf16", "f32"] as const) {
    const device = await openRunDevice({ device: "webgpu" });
    const policy = randomPolicy(device, mission.shape, dtype, new Random(1));
    for (const count of [mission.batch, 1]) {
      let lengths = [Math.min(SHORT, mission.new), mission.new];
      if (lengths[0] === lengths[1]) lengths = [mission.new];
      const at = rows.length;
      for (const tokens of lengths) {
        const known = rows.at(at);
        const expected = known ? REPEATS * (2 * known.first + known.step * tokens) : 0;
        if (!hasTime(expected)) return;
        // The first one compiles the kernels, too.
        if (!known) await draw(policy, count, mission, 2);
        const time = await timeDecoding((n) => draw(policy, count, mission, n), tokens, REPEATS);
        rows[at] = {
          ...{ shape: mission.shape, dtype, rows: count, prompt: mission.prompt, tokens, ...time },
          tokensPerSecond: count / time.step,
          overall: count * tokens / (time.first + (tokens - 1) * time.step),
        };
        report(rows);
      }
    }
    device.close();
  }
}

/** Rollouts of `count` prompts, `tokens` long. */
export async function draw(
  { model, adapter, valueHead }: Policy,
  count: number,
  { prompt }: Mission,
  tokens: number,
): Promise<void> {
  const random = new Random(2);
  const ids = () => Array.from({ length: prompt }, () => random.integer(2, model.vocabSize));
  const prompts = Array.from({ length: count }, ids);
  const lengths = { maxNewTokens: tokens, minNewTokens: tokens };
  const reported = { adapter, valueHead, logprobs: true };
  await generate(model, prompts, { ...lengths, doSample: true, seed: 1 }, reported);
}
