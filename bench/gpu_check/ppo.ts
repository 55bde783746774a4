import { benchPPO } from "../ppo.ts";
import type { StepResult, StepSeconds } from "./report.ts";
import type { StageTask } from "./stage_task.ts";

/** Measures a PPO step of the mission. */
export async function ppo(
  dtype: "f32" | "bf16",
  { mission, secondsLeft, report }: StageTask<StepResult>,
) {
  const steps: StepSeconds[] = [];
  const onStep = (seconds: StepSeconds) => {
    steps.push(seconds);
    report({ steps, bench: null });
  };
  const options = { ...mission, dtype, device: "webgpu" } as const;
  report({ steps, bench: await benchPPO(options, { secondsLeft, onStep }) });
}
