import type { Device, TaskDevice } from "./device.ts";

/** Tells devices that can make the launches of a step of a loop again for its other steps. */
export function recordsSteps(device: Device): device is TaskDevice {
  return device.kind === "wasm";
}
