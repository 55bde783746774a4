import { UserError } from "../../errors.ts";
import { NO_ADAPTER_ADVICE } from "../../platform/gpu_advice.ts";
import { importNativePackage } from "../../platform/native_package.ts";
import { quietMesa } from "./adapter.ts";
import { paceDawnPolls } from "./dawn_polls.ts";

/** Parts of npm's `webgpu` that are used here. */
interface DawnModule {
  /** Starts Dawn, with its own options. */
  create(options: readonly string[]): GPU;
}

/** Facts about an adapter that Dawn gives beyond WebGPU. */
interface MatrixInfo {
  /** Products of M x K and K x N elements that a subgroup computes at once. */
  readonly subgroupMatrixConfigs?: Iterable<{
    readonly componentType: string;
    readonly resultComponentType: string;
    readonly M: number;
    readonly N: number;
    readonly K: number;
  }>;
}

/** Specifier of the package that no tool resolves ahead: it is fetched only when it is asked for. */
const DAWN = ["npm:", "webgpu@0.6.2"].join("");

let loaded: Promise<DawnModule> | null = null;

/** Kept for the process: Dawn crashes when a device is used after its `GPU` was collected. */
const kept = new Map<string, GPU>();

/**
 * Starts Dawn, Chrome's implementation of WebGPU, once for each list of options.
 *
 * @param options Dawn's own
 * @throws {UserError} when the package does not load
 */
export async function startDawn(...options: string[]): Promise<GPU> {
  const { create } = await (loaded ??= load());
  const name = options.join(" ");
  const gpu = kept.get(name) ?? create(options);
  kept.set(name, gpu);
  return gpu;
}

/**
 * Finds the adapter that runs fastest in Dawn.
 *
 * @throws {UserError} when the package does not load, or finds no adapter
 */
export async function findDawnAdapter(): Promise<GPUAdapter> {
  const gpu = await startDawn();
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new UserError(`there is no adapter for Dawn: ${NO_ADAPTER_ADVICE}`);
  return adapter;
}

/** Subgroup matrices that Dawn's adapter offers: `f16 16 x 16 x 16 into f32`. Temper uses none. */
export async function subgroupMatrices(): Promise<string[]> {
  const gpu = await startDawn("enable-dawn-features=allow_unsafe_apis");
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  const { subgroupMatrixConfigs: found = [] } = (adapter?.info ?? {}) as MatrixInfo;
  return Array.from(
    found,
    ({ componentType, resultComponentType, M, N, K }) =>
      `${componentType} ${M} x ${N} x ${K} into ${resultComponentType}`,
  );
}

async function load(): Promise<DawnModule> {
  quietMesa();
  try {
    const module = await importNativePackage<DawnModule>("`device` dawn", DAWN);
    paceDawnPolls();
    return module;
  } catch (error) {
    // Once it can be fetched, it is tried again.
    loaded = null;
    throw error;
  }
}
