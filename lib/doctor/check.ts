import type { GpuName } from "../device/webgpu/gpu.ts";

/** Name of a device. */
export type DeviceName = "wasm" | GpuName;

/** Result of a check. */
export interface Check {
  /** Device that it ran on. */
  readonly device: DeviceName;
  /** Promise or fact that was put to the test. */
  readonly name: string;
  readonly passed: boolean;
  /** Measurement, the facts that were compared, or what is wrong. */
  readonly detail: string;
  readonly seconds: number;
}

/**
 * Runs a check on a device.
 *
 * @param body returns the facts that were compared, and throws an error that says what differs
 * @param started time that it began, in milliseconds; default now
 */
export async function attempt(
  device: DeviceName,
  name: string,
  body: () => string | Promise<string>,
  started: number = performance.now(),
): Promise<Check> {
  let [passed, detail] = [true, ""];
  try {
    detail = await body();
  } catch (error) {
    [passed, detail] = [false, (error as Error).message];
  }
  return { device, name, passed, detail, seconds: (performance.now() - started) / 1000 };
}
