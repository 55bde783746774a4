/** The self-tests that the program has, as stages. */
import { attempt, type Check } from "../../lib/doctor/check.ts";
import { equalPredictions } from "../../lib/doctor/bit_equality.ts";
import { selfTest } from "../../lib/doctor/self_test.ts";
import { generate } from "../../lib/generation/generate.ts";
import { Random } from "../../lib/random.ts";
import { openRunDevice } from "../../lib/runs/loading/device.ts";
import { DEMO_MODEL, resolveAsset } from "../../lib/runs/settings/demo.ts";
import { verify } from "../../lib/verify/verify.ts";
import { findAdapter } from "../../lib/device/webgpu/adapter.ts";
import { predict } from "../../lib/training/token_pass.ts";
import { responseRow } from "../../lib/training/token_rows.ts";
import { randomPolicy } from "../ppo.ts";
import type { StageTask } from "./stage_task.ts";
import type { Mission } from "./stages.ts";

/** Responses that are decoded at once, and their tokens. */
const [ROWS, NEW_TOKENS] = [5, 40];

async function devices() {
  return await findAdapter() ? ["wasm", "webgpu"] as const : ["wasm"] as const;
}

/** `temper doctor`'s tests. */
export async function selfTestStage({ report }: StageTask<Check[]>) {
  const checks: Check[] = [];
  await selfTest(await devices(), (check) => {
    checks.push(check);
    report(checks);
  });
}

/**
 * `temper verify` on the demo's model, in both dtypes; then decoding against a pass at the mission's shape,
 * with the kernels that were measured to be the fastest.
 */
export async function verifyStage({ mission, hasTime, report }: StageTask<Check[]>) {
  const results: Check[] = [];
  for (const dtype of ["f32", "bf16"] as const) {
    if (!hasTime()) return;
    await verify(await resolveAsset(DEMO_MODEL), await devices(), dtype, (result) => {
      results.push({ ...result, name: `${result.name}, ${dtype}` });
      report(results);
    });
  }
  if (!await findAdapter()) return;
  for (const dtype of ["bf16", "f32"] as const) {
    if (!hasTime()) return;
    const name = `decoding = training pass, ${mission.shape} ${dtype}`;
    results.push(await attempt("webgpu", name, () => equalPass(mission, dtype)));
    report(results);
  }
}

/** Compares log-probabilities and values of decoding with those of a pass, in a model of random weights. */
async function equalPass({ shape, prompt }: Mission, dtype: "f32" | "bf16"): Promise<string> {
  const device = await openRunDevice({ device: "webgpu" });
  try {
    const random = new Random(1);
    const policy = randomPolicy(device, shape, dtype, random);
    const { model, adapter, valueHead } = policy;
    const ids = () => Array.from({ length: prompt }, () => random.integer(2, model.vocabSize));
    const prompts = Array.from({ length: ROWS }, ids);
    const config = { maxNewTokens: NEW_TOKENS, minNewTokens: NEW_TOKENS, doSample: true, seed: 1 };
    const sampled = await generate(model, prompts, config, { adapter, valueHead, logprobs: true });
    const rows = sampled.map(({ tokens }, i) => responseRow(model, prompts[i], tokens));
    const tokens = equalPredictions(sampled, await predict(policy, rows), "a training pass");
    return `log-probabilities and values of ${tokens} tokens`;
  } finally {
    device.close();
  }
}
