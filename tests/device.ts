import type { Device } from "../lib/device/device.ts";
import { WasmDevice } from "../lib/device/wasm/wasm_device.ts";

/** Runs a test's body on the device that TEMPER_DEVICE names (default wasm), closed afterwards. */
export async function withDevice(body: (device: Device) => Promise<void>): Promise<void> {
  const name = Deno.env.get("TEMPER_DEVICE") ?? "wasm";
  if (name !== "wasm") throw new Error(`TEMPER_DEVICE=${name}: this version has only wasm`);
  const device = await WasmDevice.create({ threads: 2 });
  try {
    await body(device);
  } finally {
    device.close();
  }
}
