/**
 * Limits of an adapter that kernels depend on, with the least that they need: what WebGPU guarantees,
 * so that they run on every GPU whose driver conforms.
 */
const NEEDED = {
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 16384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupSizeY: 256,
  maxComputeWorkgroupSizeZ: 64,
  maxComputeWorkgroupsPerDimension: 65535,
  maxStorageBufferBindingSize: 2 ** 27,
  maxBufferSize: 2 ** 28,
};

/** The most storage buffers that a kernel binds. */
export const STORAGE_BUFFERS_NEEDED = NEEDED.maxStorageBuffersPerShaderStage;

/** Limits of which more is of use: the sizes of buffers and dispatches. */
const WANTED: readonly LimitName[] = [
  "maxComputeWorkgroupsPerDimension",
  "maxStorageBufferBindingSize",
  "maxBufferSize",
];

type LimitName = keyof typeof NEEDED;

/** Limits of an adapter that decide what runs. */
export type AdapterLimits = Readonly<Record<LimitName, number>>;

const NAMES = Object.keys(NEEDED) as LimitName[];

/**
 * The limits of an adapter that decide what runs; at most what a request may ask for, since drivers report
 * sizes of 64 bits.
 */
export function limitsOf({ limits }: Pick<GPUAdapter, "limits">): AdapterLimits {
  const limitOf = (name: LimitName) => Math.min(limits[name], Number.MAX_SAFE_INTEGER);
  return Object.fromEntries(NAMES.map((name) => [name, limitOf(name)])) as AdapterLimits;
}

/**
 * Limits to ask an adapter for: no more than it has, and of those that only decide which kernels
 * compile, no more than is needed, so that a kernel that needs more is refused wherever it is tested.
 */
export function requestedLimits(adapter: Pick<GPUAdapter, "limits">): AdapterLimits {
  const limits = limitsOf(adapter);
  const requested = (name: LimitName) =>
    WANTED.includes(name) ? limits[name] : Math.min(limits[name], NEEDED[name]);
  return Object.fromEntries(NAMES.map((name) => [name, requested(name)])) as AdapterLimits;
}

/** Limits that are too low for the kernels, in words: `<name> is 4, 8 are needed`. */
export function missingLimits(adapter: Pick<GPUAdapter, "limits">): string[] {
  const limits = limitsOf(adapter);
  return NAMES.filter((name) => limits[name] < NEEDED[name])
    .map((name) => `${name} is ${limits[name]}, ${NEEDED[name]} are needed`);
}

/**
 * The most bytes of a storage binding: a multiple of 256, since drivers report 2³¹ - 1, and bindings are
 * of whole words; below 2 GiB, since some drivers count a binding's bytes in 32 bits with a sign.
 */
export function bindableBytes(maxStorageBufferBindingSize: number): number {
  return Math.floor(Math.min(maxStorageBufferBindingSize, 2 ** 31 - 1) / 256) * 256;
}
