import { type KernelTime, kernelTimes } from "../../lib/device/profile.ts";
import { Random } from "../../lib/random.ts";
import { openRunDevice } from "../../lib/runs/loading/device.ts";
import { randomPolicy } from "../ppo.ts";
import { draw } from "./decoding.ts";
import type { StageTask } from "./stage_task.ts";

/** Time of each kernel in decoding, by the GPU's own clock. */
export interface DecodingProfile {
  readonly rows: number;
  /** Decoding steps measured, at the end of responses of this many tokens and one. */
  readonly steps: number;
  /** Kernels of these steps, the most expensive first. */
  readonly kernels: readonly KernelTime[];
  /** Seconds in kernels, and launches, of a step. */
  readonly secondsPerStep: number;
  readonly launchesPerStep: number;
}

/** Decoding steps that are measured. */
const STEPS = 16;
/** Time for timestamps to arrive that are on their way, in milliseconds. */
const ARRIVAL = 100;

/** Measures the kernels of decoding the mission's batch, in bf16. */
export async function profile({ mission, report }: StageTask<DecodingProfile>) {
  const device = await openRunDevice({ device: "webgpu", profile: true });
  const policy = randomPolicy(device, mission.shape, "bf16", new Random(1));
  const measured = async (tokens: number) => {
    kernelTimes.clear();
    await draw(policy, mission.batch, mission, tokens);
    await new Promise((resolve) => setTimeout(resolve, ARRIVAL));
    return kernelTimes.table();
  };
  const steps = Math.min(STEPS, mission.new - 1);
  await measured(2);
  const first = await measured(1);
  const kernels = difference(await measured(1 + steps), first);
  const total = (of: "seconds" | "launches") => kernels.reduce((sum, time) => sum + time[of], 0);
  report({
    ...{ rows: mission.batch, steps, kernels },
    secondsPerStep: total("seconds") / steps,
    launchesPerStep: total("launches") / steps,
  });
  device.close();
}

/** Times of further launches. */
export function difference(all: readonly KernelTime[], some: readonly KernelTime[]): KernelTime[] {
  const before = new Map(some.map((time) => [time.kernel, time]));
  return all.map(({ kernel, launches, seconds }) => ({
    kernel,
    launches: launches - (before.get(kernel)?.launches ?? 0),
    seconds: Math.max(0, seconds - (before.get(kernel)?.seconds ?? 0)),
  })).filter(({ launches }) => launches > 0).sort((a, b) => b.seconds - a.seconds);
}
