import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { hasSubgroupVariant } from "../kernels/matmul/matmul_variants.ts";
import type { Device, GpuDevice } from "../lib/device/device.ts";
import { openDevice } from "../lib/device/open.ts";
import { findAdapter } from "../lib/device/webgpu/adapter.ts";
import { WebGpuDevice } from "../lib/device/webgpu/webgpu_device.ts";
import { findDawn, SLOW_ON_DAWN } from "./dawn.ts";
import { permuteThreads, type ThreadOrder } from "./permuted.ts";

/**
 * A device, or a way to test it: `webgpu` is Deno's implementation, `dawn` is Chrome's (dawn.ts), and
 * `permuted` runs tests on Deno's once for each order of the threads (permuted.ts) and compares all that
 * they read.
 */
type DeviceName = "wasm" | "webgpu" | "dawn" | "permuted";

const NAMES: readonly DeviceName[] = ["wasm", "webgpu", "dawn", "permuted"];

/** The devices to test: WASM and WebGPU, or the one that TEMPER_DEVICE names. */
const DEVICES = namedDevices();
/** Without an adapter the WebGPU tests are ignored, visibly; in CI that is a failure. */
const ignored = Deno.env.get("CI") === "true" ? [] : await missingDevices();

function namedDevices(): DeviceName[] {
  const name = Deno.env.get("TEMPER_DEVICE");
  if (name === undefined) return ["wasm", "webgpu"];
  const known = NAMES.find((known) => known === name);
  if (!known) throw new Error(`TEMPER_DEVICE=${name}: expected ${NAMES.join(", ")}`);
  return [known];
}

async function missingDevices(): Promise<DeviceName[]> {
  const missing: DeviceName[] = [];
  for (const name of DEVICES) {
    if (name === "wasm") continue;
    const found = name === "dawn" ? !("missing" in await findDawn()) : await findAdapter();
    if (!found) missing.push(name);
  }
  return missing;
}

function isIgnored(test: string, device: DeviceName): boolean {
  return ignored.includes(device) || device === "dawn" && SLOW_ON_DAWN.test(test);
}

/** Registers a test once for each device, which is closed afterwards. */
export function deviceTest(name: string, body: (device: Device) => Promise<void>): void {
  for (const device of DEVICES) {
    Deno.test({
      name: `${name} [${device}]`,
      ignore: isIgnored(name, device),
      fn: () => withDevice(body, device),
    });
  }
}

/** Registers a test of what only the WebGPU device has. */
export function gpuTest(name: string, body: (device: WebGpuDevice) => Promise<void>): void {
  const device = DEVICES.find((device) => device !== "wasm");
  if (!device) return;
  Deno.test({
    name,
    ignore: isIgnored(name, device),
    fn: () => withDevice((device) => body(device as WebGpuDevice), device),
  });
}

/** Registers a test of Dawn, for a run with `TEMPER_DEVICE=dawn`. */
export function dawnTest(name: string, body: (device: WebGpuDevice) => Promise<void>): void {
  if (DEVICES[0] === "dawn") gpuTest(name, body);
}

/** Runs a test's body on a device, by default the one that TEMPER_DEVICE names or WASM. */
export async function withDevice(
  body: (device: Device) => Promise<void>,
  name: DeviceName = DEVICES.length === 1 ? DEVICES[0] : "wasm",
): Promise<void> {
  if (name === "dawn") return await withKept("dawn", openOnDawn, body);
  if (name === "permuted") return await withEveryOrder(body);
  const device = await openDevice({ device: name, threads: 2 });
  if (device.kind === "webgpu") useSubgroups(device);
  try {
    await body(device);
  } finally {
    device.close();
  }
}

/** Takes kernels with subgroups, which matmul_variants_test.ts proves on the adapter. */
function useSubgroups<D extends GpuDevice>(device: D): D {
  device.usesSubgroups = hasSubgroupVariant(device);
  return device;
}

/** Devices that are kept from test to test, since their compilers are slow. */
const kept = new Map<string, Promise<WebGpuDevice>>();

/** Runs a body on a kept device, which is given up when the body fails, or breaks it on purpose. */
async function withKept(
  name: string,
  open: () => Promise<WebGpuDevice>,
  body: (device: WebGpuDevice) => Promise<void>,
): Promise<void> {
  if (!kept.has(name)) kept.set(name, open());
  const device = await kept.get(name)!;
  let isWell = false;
  try {
    await body(device);
    isWell = works(device);
  } finally {
    if (!isWell) {
      kept.delete(name);
      device.close();
    }
  }
}

function works(device: WebGpuDevice): boolean {
  try {
    device.free(device.alloc(4));
    return true;
  } catch {
    return false;
  }
}

async function openOnDawn(): Promise<WebGpuDevice> {
  const adapter = await findDawn();
  if ("missing" in adapter) throw new Error(adapter.missing);
  return useSubgroups(await WebGpuDevice.create(adapter, { implementation: "Dawn" }));
}

/** Runs a body with the threads in every order; what it reads has to be the same, bit for bit. */
export async function withEveryOrder(body: (device: Device) => Promise<void>): Promise<void> {
  const expected = await readsIn("given", body);
  for (const order of ["reversed", "transposed"] as const) {
    assert.deepEqual(await readsIn(order, body), expected, `other results with threads ${order}`);
  }
}

/** Digests of what a test's body reads from a device with its threads in an order. */
async function readsIn(
  order: ThreadOrder,
  body: (device: Device) => Promise<void>,
): Promise<string[]> {
  const digests: string[] = [];
  await withKept(order, () => openPermuted(order), async (device) => {
    const { read } = WebGpuDevice.prototype;
    device.read = async (...place) => {
      const at = digests.push("") - 1;
      const bytes = await read.apply(device, place);
      digests[at] = createHash("sha256").update(bytes).digest("hex");
      return bytes;
    };
    await body(device);
  });
  return digests;
}

async function openPermuted(order: ThreadOrder): Promise<WebGpuDevice> {
  const adapter = (await findAdapter())!;
  const requestDevice = adapter.requestDevice.bind(adapter);
  adapter.requestDevice = async (descriptor) => {
    const gpu = await requestDevice(descriptor);
    const createShaderModule = gpu.createShaderModule.bind(gpu);
    gpu.createShaderModule = ({ label, code }) =>
      createShaderModule({ label, code: permuteThreads(code, order) });
    return gpu;
  };
  return useSubgroups(await WebGpuDevice.create(adapter));
}

/**
 * A GPU on which some kernels compute something else.
 *
 * @param argument a name that only these kernels have among their arguments
 * @param changes arguments that they get instead of their own
 */
export function withArguments(device: GpuDevice, argument: string, changes: object): GpuDevice {
  return new Proxy(device, {
    get(target, key) {
      const value = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      if (key !== "dispatch") return value.bind(target);
      return (...[shader, groups, args]: Parameters<GpuDevice["dispatch"]>) =>
        target.dispatch(shader, groups, argument in args ? { ...args, ...changes } : args);
    },
  });
}
