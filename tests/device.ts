import type { Device } from "../lib/device/device.ts";
import { openDevice } from "../lib/device/open.ts";
import type { WebGpuDevice } from "../lib/device/webgpu/webgpu_device.ts";
import { findAdapter } from "../lib/device/webgpu/adapter.ts";

type DeviceName = "wasm" | "webgpu";

/** The devices to test: both, or the one that TEMPER_DEVICE names. */
const DEVICES = namedDevices();
/** Without an adapter the WebGPU tests are ignored, visibly; in CI that is a failure. */
const ignoreWebGpu = DEVICES.includes("webgpu") && Deno.env.get("CI") !== "true" &&
  !await findAdapter();

function namedDevices(): DeviceName[] {
  const name = Deno.env.get("TEMPER_DEVICE");
  if (name === undefined) return ["wasm", "webgpu"];
  if (name !== "wasm" && name !== "webgpu") {
    throw new Error(`TEMPER_DEVICE=${name}: expected wasm or webgpu`);
  }
  return [name];
}

/** Registers a test once for each device, which is closed afterwards. */
export function deviceTest(name: string, body: (device: Device) => Promise<void>): void {
  for (const device of DEVICES) {
    Deno.test({
      name: `${name} [${device}]`,
      ignore: device === "webgpu" && ignoreWebGpu,
      fn: () => withDevice(body, device),
    });
  }
}

/** Registers a test of what only the WebGPU device has. */
export function gpuTest(name: string, body: (device: WebGpuDevice) => Promise<void>): void {
  if (!DEVICES.includes("webgpu")) return;
  Deno.test({
    name,
    ignore: ignoreWebGpu,
    fn: () => withDevice((device) => body(device as WebGpuDevice), "webgpu"),
  });
}

/** Runs a test's body on a device, by default the one that TEMPER_DEVICE names or WASM. */
export async function withDevice(
  body: (device: Device) => Promise<void>,
  name: DeviceName = DEVICES.length === 1 ? DEVICES[0] : "wasm",
): Promise<void> {
  const device = await openDevice({ device: name, threads: 2 });
  try {
    await body(device);
  } finally {
    device.close();
  }
}
