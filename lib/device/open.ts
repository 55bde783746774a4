import type { Device } from "./device.ts";
import { WasmDevice } from "./wasm/wasm_device.ts";

/** What a device is chosen by; the names are those of a run's settings. */
export interface DeviceOptions {
  /** `auto` takes the fastest there is. */
  device?: "auto" | "wasm";
  /** Threads of the WASM device; null for one per core. */
  threads?: number | null;
}

/** Opens the device that was asked for. The caller closes it. */
export async function openDevice({ threads }: DeviceOptions = {}): Promise<Device> {
  return await WasmDevice.create({ threads: threads ?? undefined });
}
