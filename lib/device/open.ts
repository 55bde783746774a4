import { UserError } from "../errors.ts";
import { NO_ADAPTER_ADVICE } from "../platform/gpu_advice.ts";
import type { Device } from "./device.ts";
import { kernelTimes } from "./profile.ts";
import { requireTurbo } from "./require_turbo.ts";
import { isTurbo } from "./turbo.ts";
import { WasmDevice } from "./wasm/wasm_device.ts";
import { describeAdapter, isSoftware } from "./webgpu/adapter.ts";
import { findGpu, type Gpu, openGpu } from "./webgpu/gpu.ts";
import { missingLimits } from "./webgpu/limits.ts";
import type { CompilationHooks } from "./webgpu/pipelines.ts";

/** Choice of a device; the names are those of a run's settings. */
export interface DeviceOptions {
  /**
   * `auto` (the default) takes a GPU where there is one, else WebAssembly. `webgpu` is Deno's WebGPU,
   * `dawn` is Chrome's: npm's `webgpu`, a native library, which takes the permission ffi.
   */
  device?: "auto" | "wasm" | "webgpu" | "dawn";
  /** Threads of the WASM device; null for one per core. */
  threads?: number | null;
  /** Asks for the turbo mode of the WASM device, which is decided when the process starts. */
  turbo?: boolean;
  /** Measures every launch: see {@linkcode kernelTimes}. */
  profile?: boolean;
  /** Listeners for the compilation of a GPU's kernels, which happens when they are first used. */
  compilation?: CompilationHooks;
}

/**
 * Opens the device that was asked for. The caller closes it. `auto` uses WASM unless there is a
 * hardware GPU whose limits are high enough; a software adapter, which is slower than WASM, is used
 * only when WebGPU is asked for by name.
 *
 * @throws {UserError} when `webgpu` or `dawn` is asked for, and there is no adapter, its limits are too
 *   low, or Dawn does not load
 */
export async function openDevice(
  { device = "auto", threads, turbo = false, profile = false, compilation }: DeviceOptions = {},
): Promise<Device> {
  if (turbo) requireTurbo();
  const times = profile ? kernelTimes : undefined;
  if (device !== "wasm") {
    const isNamed = device !== "auto";
    const gpu = await findGpu(isNamed ? device : "webgpu");
    const obstacle = obstacleOf(gpu);
    if (isNamed && obstacle !== null) throw new UserError(obstacle);
    if (gpu && obstacle === null && (isNamed || !isSoftware(gpu.adapter))) {
      return await openGpu(gpu, { times, compilation });
    }
  }
  return await WasmDevice.create({ threads: threads ?? undefined, wideVectors: isTurbo(), times });
}

/** Reason why the kernels cannot run on an adapter, with advice; null where they can. */
function obstacleOf(gpu: Gpu | null): string | null {
  if (!gpu) return `there is no WebGPU adapter: ${NO_ADAPTER_ADVICE}`;
  const missing = missingLimits(gpu.adapter);
  if (missing.length === 0) return null;
  const description = describeAdapter(gpu.adapter, gpu.implementation);
  return `${description} cannot run the kernels (${missing.join("; ")}): update its driver, or ` +
    "use `device` wasm";
}
