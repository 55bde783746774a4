import { UserError } from "../../errors.ts";

/** Adapters that are programs running on the CPU, by their description. */
const SOFTWARE = /llvmpipe|softpipe|lavapipe|swiftshader|basic render|warp/i;

/** The adapter that runs fastest, or null where there is none. */
export async function findAdapter(): Promise<GPUAdapter | null> {
  if (!navigator.gpu) return null;
  quietMesa();
  return await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
}

/** Keeps Mesa from complaining on stderr, on servers without a desktop, that this is not set. */
function quietMesa(): void {
  const variable = "XDG_RUNTIME_DIR";
  if (Deno.permissions.querySync({ name: "env", variable }).state !== "granted") return;
  if (!Deno.env.get(variable)) Deno.env.set(variable, "/tmp");
}

/** Whether an adapter only imitates a GPU: good for tests, slower than WASM. */
export function isSoftware({ info }: GPUAdapter): boolean {
  return info.isFallbackAdapter || SOFTWARE.test(`${info.description} ${info.device}`);
}

/** One line about an adapter. */
export function describeAdapter(adapter: GPUAdapter): string {
  const { description, vendor, architecture } = adapter.info;
  const name = description || [vendor, architecture].filter(Boolean).join(" ") || "a GPU";
  return `WebGPU, ${name}${isSoftware(adapter) ? " (software)" : ""}`;
}

/**
 * Opens an adapter with the highest limits that matter to kernels.
 * @throws {UserError} when the adapter refuses
 */
export async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const { limits } = adapter;
  try {
    return await adapter.requestDevice({
      requiredLimits: {
        maxBufferSize: limits.maxBufferSize,
        maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
        maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
        maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
        maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
        maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
        maxComputeWorkgroupSizeY: limits.maxComputeWorkgroupSizeY,
      },
    });
  } catch (cause) {
    throw new UserError(
      `${describeAdapter(adapter)} cannot be opened (${(cause as Error).message}): ` +
        "update its driver, or use --device wasm",
      { cause },
    );
  }
}
