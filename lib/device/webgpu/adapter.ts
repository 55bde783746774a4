import { UserError } from "../../errors.ts";
import { setVariableIfUnset } from "../../platform/environment.ts";
import { type AdapterLimits, limitsOf, missingLimits, requestedLimits } from "./limits.ts";

/** Adapters that are programs running on the CPU, by their description. */
const SOFTWARE = /llvmpipe|softpipe|lavapipe|swiftshader|basic render|warp/i;

/**
 * Deno's backends but OpenGL, which it falls back to where there is no Vulkan driver: OpenGL's compilers
 * take it that there is no NaN, and logits that are not finite go unnoticed.
 */
const BACKENDS = "vulkan,metal,dx12";

/** The adapter that runs fastest, or null where there is none. */
export async function findAdapter(): Promise<GPUAdapter | null> {
  if (!navigator.gpu) return null;
  quietMesa();
  // Deno reads it when it is first asked for an adapter.
  setVariableIfUnset("DENO_WEBGPU_BACKEND", BACKENDS);
  return await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
}

/** Keeps Mesa from complaining on stderr, on servers without a desktop, that this is not set. */
export function quietMesa(): void {
  setVariableIfUnset("XDG_RUNTIME_DIR", "/tmp");
}

/** Tells adapters that only imitate a GPU: good for tests, slower than WASM. */
export function isSoftware({ info }: GPUAdapter): boolean {
  return info.isFallbackAdapter || SOFTWARE.test(`${info.description} ${info.device}`);
}

/** Implementation of WebGPU: Deno's own, or Chrome's (dawn.ts). */
export type Implementation = "WebGPU" | "Dawn";

/** One line about an adapter. */
export function describeAdapter(
  adapter: GPUAdapter,
  implementation: Implementation = "WebGPU",
): string {
  const { description, vendor, architecture } = adapter.info;
  const name = description || [vendor, architecture].filter(Boolean).join(" ") || "a GPU";
  return `${implementation}, ${name}${isSoftware(adapter) ? " (software)" : ""}`;
}

/** Description, features and limits of an adapter. */
export interface AdapterFacts {
  /** One line for a person. */
  readonly description: string;
  /** True when it only imitates a GPU. */
  readonly software: boolean;
  /** Features that it lists, and `subgroups` where it is granted. */
  readonly features: readonly string[];
  /** Threads of a subgroup, fewest and most; null where subgroups are not granted. */
  readonly subgroupSizes: readonly [number, number] | null;
  /** The limits that decide what runs. */
  readonly limits: AdapterLimits;
  /** Limits that are too low for the kernels, in words; none where they run. */
  readonly missing: readonly string[];
}

/** Finds out about an adapter; `subgroups`, which it need not list, by asking for them. */
export async function adapterFacts(
  adapter: GPUAdapter,
  implementation?: Implementation,
): Promise<AdapterFacts> {
  const gpu = await requestDevice(adapter, ["subgroups"]);
  const features = new Set([...adapter.features, ...gpu.features]);
  gpu.destroy();
  const { subgroupMinSize, subgroupMaxSize } = adapter.info;
  return {
    description: describeAdapter(adapter, implementation),
    software: isSoftware(adapter),
    features: [...features].sort(),
    subgroupSizes: features.has("subgroups") ? [subgroupMinSize, subgroupMaxSize] : null,
    limits: limitsOf(adapter),
    missing: missingLimits(adapter),
  };
}

/**
 * Opens an adapter with the limits that matter to kernels.
 *
 * @param wanted features. They are asked for whether they are listed or not (Deno grants subgroups
 *   without listing them); when that is refused, only those that are listed
 * @throws {UserError} when the adapter refuses
 */
export async function requestDevice(
  adapter: GPUAdapter,
  wanted: readonly GPUFeatureName[] = [],
): Promise<GPUDevice> {
  const listed = wanted.filter((feature) => adapter.features.has(feature));
  const requiredLimits = requestedLimits(adapter);
  try {
    return await adapter.requestDevice({ requiredLimits, requiredFeatures: [...wanted] })
      .catch(() => adapter.requestDevice({ requiredLimits, requiredFeatures: listed }));
  } catch (cause) {
    throw new UserError(
      `${describeAdapter(adapter)} cannot be opened (${(cause as Error).message}): ` +
        "update its driver, or use `device` wasm",
      { cause },
    );
  }
}
