import { describeAdapter, findAdapter, type Implementation } from "./adapter.ts";
import { findDawnAdapter } from "./dawn.ts";
import { hasImmediateReads } from "./immediate_reads.ts";
import { WebGpuDevice } from "./webgpu_device.ts";

/** Name of a device that is a GPU, as in a run's settings: each is an implementation of WebGPU. */
export type GpuName = "webgpu" | "dawn";

/** An adapter, and the implementation that it belongs to. */
export interface Gpu {
  readonly adapter: GPUAdapter;
  readonly implementation: Implementation;
}

/**
 * Finds the adapter that runs fastest in an implementation.
 *
 * @returns null where Deno's WebGPU has none
 * @throws {UserError} when Dawn does not load, or finds none
 */
export async function findGpu(name: GpuName): Promise<Gpu | null> {
  if (name === "dawn") return { adapter: await findDawnAdapter(), implementation: "Dawn" };
  const adapter = await findAdapter();
  return adapter && { adapter, implementation: "WebGPU" };
}

/**
 * Opens an adapter. Reads are not awaited where {@linkcode hasImmediateReads} allows that, which is
 * about Deno's WebGPU alone.
 *
 * @param options as those of {@linkcode WebGpuDevice.create}
 * @throws {UserError} when it refuses
 */
export async function openGpu(
  { adapter, implementation }: Gpu,
  options: Pick<Parameters<typeof WebGpuDevice.create>[1] & object, "times" | "compilation"> = {},
): Promise<WebGpuDevice> {
  const immediateReads = implementation === "WebGPU" &&
    (await hasImmediateReads(describeAdapter(adapter))).works;
  return await WebGpuDevice.create(adapter, { ...options, implementation, immediateReads });
}
