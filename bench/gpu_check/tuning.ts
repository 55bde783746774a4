import { openRunDevice } from "../../lib/runs/loading/device.ts";
import type { StageTask } from "./stage_task.ts";

/** The autotuner's choices. */
export interface Tuning {
  /** Seconds to open the device and measure. */
  readonly seconds: number;
  /** True where kernels with subgroups proved equal to the others. */
  readonly usesSubgroups: boolean;
  /** Variant by class of products; none on software adapters, which are not measured. */
  readonly choices: Readonly<Record<string, string>>;
}

/** Lets the autotuner measure. The other stages find its choices in the cache. */
export async function tuning({ report }: StageTask<Tuning>): Promise<void> {
  const started = performance.now();
  const device = await openRunDevice({ device: "webgpu" });
  const seconds = (performance.now() - started) / 1000;
  if (device.kind !== "webgpu") throw new Error("the autotuner is for a GPU");
  const { usesSubgroups, tuning } = device;
  report({ seconds, usesSubgroups, choices: Object.fromEntries(tuning) });
  device.close();
}
