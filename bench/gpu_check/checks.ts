/** The self-tests that the program has, as stages. */
import type { Check } from "../../lib/doctor/check.ts";
import { selfTest } from "../../lib/doctor/self_test.ts";
import { DEMO_MODEL, resolveAsset } from "../../lib/runs/settings/demo.ts";
import { verify } from "../../lib/verify/verify.ts";
import { findAdapter } from "../../lib/device/webgpu/adapter.ts";
import type { StageTask } from "./stage_task.ts";

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

/** `temper verify` on the demo's model, in both dtypes. */
export async function verifyStage({ hasTime, report }: StageTask<Check[]>) {
  const results: Check[] = [];
  for (const dtype of ["f32", "bf16"] as const) {
    if (!hasTime()) return;
    await verify(await resolveAsset(DEMO_MODEL), await devices(), dtype, (result) => {
      results.push({ ...result, name: `${result.name}, ${dtype}` });
      report(results);
    });
  }
}
