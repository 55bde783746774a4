import { UserError } from "../errors.ts";
import { NO_ADAPTER_ADVICE } from "../platform/gpu_advice.ts";
import type { Device } from "./device.ts";
import { kernelTimes } from "./profile.ts";
import { isTurbo, TURBO_VARIABLE, turboFlag } from "./turbo.ts";
import { WasmDevice } from "./wasm/wasm_device.ts";
import { describeAdapter, findAdapter, type Implementation, isSoftware } from "./webgpu/adapter.ts";
import { findDawnAdapter } from "./webgpu/dawn.ts";
import { hasImmediateReads } from "./webgpu/immediate_reads.ts";
import { missingLimits } from "./webgpu/limits.ts";
import type { CompilationHooks } from "./webgpu/pipelines.ts";
import { WebGpuDevice } from "./webgpu/webgpu_device.ts";

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
 * Opens the device that was asked for. The caller closes it. A software adapter is taken only when
 * WebGPU is asked for by name: it serves tests, WASM is faster. `auto` passes over an adapter whose
 * limits are too low as well.
 *
 * @throws {UserError} when `webgpu` or `dawn` is asked for, and there is no adapter, its limits are too
 *   low, or Dawn does not load
 */
export async function openDevice(
  { device = "auto", threads, turbo = false, profile = false, compilation }: DeviceOptions = {},
): Promise<Device> {
  if (turbo && !isTurbo()) {
    throw new UserError(
      `\`turbo\` is decided when the process starts: start it with ${TURBO_VARIABLE}=1 and Deno's ` +
        `flag ${turboFlag()}`,
    );
  }
  const times = profile ? kernelTimes : undefined;
  if (device === "dawn") {
    const adapter = await findDawnAdapter();
    checkLimits(adapter, "Dawn");
    return await WebGpuDevice.create(adapter, { implementation: "Dawn", times, compilation });
  }
  const adapter = device === "wasm" ? null : await findAdapter();
  if (adapter && device === "webgpu") checkLimits(adapter);
  if (
    adapter &&
    (device === "webgpu" || !isSoftware(adapter) && missingLimits(adapter).length === 0)
  ) {
    const immediateReads = (await hasImmediateReads(describeAdapter(adapter))).works;
    return await WebGpuDevice.create(adapter, { times, immediateReads, compilation });
  }
  if (device === "webgpu") {
    throw new UserError(`there is no WebGPU adapter: ${NO_ADAPTER_ADVICE}`);
  }
  return await WasmDevice.create({ threads: threads ?? undefined, wideVectors: isTurbo(), times });
}

/** @throws {UserError} when an adapter's limits are too low */
function checkLimits(adapter: GPUAdapter, implementation?: Implementation): void {
  const missing = missingLimits(adapter);
  if (missing.length === 0) return;
  throw new UserError(
    `${describeAdapter(adapter, implementation)} cannot run the kernels (${missing.join("; ")}): ` +
      "update its driver, or use `device` wasm",
  );
}
